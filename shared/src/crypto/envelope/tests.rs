use super::*;
use std::time::Duration;

const SECRET: &str = "sk-canary-0123456789";

fn key(byte: u8) -> DataKey {
    DataKey::new(vec![byte; KEY_BYTES]).expect("32 bytes")
}

fn label(second: u64) -> Label<'static> {
    let at = Duration::from_secs(second);
    Label { tenant: TenantId::generate(at), provider: "openai", credential: CredentialId::generate(at) }
}

fn sealed(label: &Label<'_>) -> Envelope {
    let nonce = [9; NONCE_BYTES];
    let ciphertext = key(1).seal(label, nonce, SECRET).expect("a short secret");
    Envelope { version: VERSION, wrapped_key: vec![1], kms_key_id: "k".into(), nonce, ciphertext }
}

/// What a key would send, which is the only way to see it.
fn revealed(key: &ProviderKey) -> String {
    key.header("").expect("plain text").to_str().expect("plain text").to_owned()
}

#[test]
fn what_was_sealed_opens_with_its_key_and_its_label_only() {
    let label = label(1);
    let envelope = sealed(&label);
    assert_eq!(revealed(&key(1).open(&label, &envelope).expect("its own")), SECRET);
    let other = self::label(2);
    #[rustfmt::skip]
    let table = [
        (key(2), label,                                              VERSION,     "another data key"),
        (key(1), Label { tenant: other.tenant, ..label },            VERSION,     "moved to another tenant"),
        (key(1), Label { provider: "mistral", ..label },             VERSION,     "moved to another provider"),
        (key(1), Label { credential: other.credential, ..label },    VERSION,     "moved to another credential"),
        (key(1), label,                                              VERSION + 1, "said to be of another version"),
    ];
    for (key, label, version, why) in table {
        let envelope = Envelope { version, ..envelope.clone() };
        assert!(key.open(&label, &envelope).is_err(), "{why}");
    }
}

#[test]
fn fifty_thousand_tampered_envelopes_are_all_refused() {
    let label = label(1);
    let good = sealed(&label);
    // A fixed sequence, so that a failure can be found again (Knuth's MMIX).
    let mut state = 1_u64;
    let mut next = |below: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).expect("31 bits") % below
    };
    let mut refused = 0;
    while refused < 50_000 {
        let mut bad = good.clone();
        match next(5) {
            0 => bad.nonce[next(NONCE_BYTES)] ^= 1 << next(8),
            1 => bad.ciphertext.truncate(next(good.ciphertext.len())),
            2 => bad.ciphertext.push(u8::try_from(next(256)).expect("a byte")),
            3 => bad.ciphertext.rotate_left(1 + next(good.ciphertext.len() - 1)),
            _ => {
                let at = next(good.ciphertext.len());
                bad.ciphertext[at] ^= 1 << next(8);
            }
        }
        if bad != good {
            assert!(key(1).open(&label, &bad).is_err(), "{:?} {:?}", bad.nonce, bad.ciphertext);
            refused += 1;
        }
    }
}

#[test]
fn labels_that_would_run_together_differ() {
    let label = label(1);
    let (long, short) = (Label { provider: "openai1", ..label }, Label { provider: "openai", ..label });
    assert_ne!(long.aad(1), short.aad(1));
    assert_ne!(short.aad(1), short.aad(257), "a version is two bytes");
}

#[test]
fn a_data_key_has_32_bytes_and_does_not_print() {
    assert!(DataKey::new(vec![1; 31]).is_none() && DataKey::new(vec![1; 33]).is_none());
    assert_eq!(format!("{:?}", key(1)), "DataKey(***)");
}
