use super::*;
use serde_json::json;
use time::Duration;

/// What is done to a label.
type Change<'a> = &'a dyn Fn(&mut EntryLabel);

fn label() -> EntryLabel {
    let now = OffsetDateTime::UNIX_EPOCH + Duration::days(20_000);
    EntryLabel {
        tenant: TenantId::from_uuid(Uuid::from_u128(1)),
        id: CacheEntryId::from_uuid(Uuid::from_u128(2)),
        key: Uuid::from_u128(3),
        namespace: [4; 32],
        exact: [5; 32],
        canonical: Some([6; 32]),
        provider: "p".into(),
        model: "m".into(),
        created_at: now,
        exact_until: now + Duration::hours(1),
        canonical_until: Some(now + Duration::hours(1)),
        similar_until: Some(now + Duration::hours(1)),
        bytes: 7,
        cost_nanos: 8,
    }
}

fn content() -> Content {
    let answer = json!({"id": "a", "created": 1, "model": "m", "text": "Lisbon. ".repeat(20), "usage": {}});
    Content {
        prompt: "What is the capital of Portugal?".into(),
        vector: Some([9; 32]),
        answer: serde_json::from_value(answer).expect("an answer"),
    }
}

fn key(byte: u8) -> DataKey {
    DataKey::new(vec![byte; 32]).expect("a key")
}

fn sealed() -> Vec<u8> {
    seal(&key(1), &label(), [0; NONCE_BYTES], &pack(&content()).expect("packed")).expect("sealed")
}

#[test]
fn what_was_sealed_opens_and_is_smaller_than_it_was() {
    let sealed = sealed();
    assert!(open(&key(1), &label(), [0; NONCE_BYTES], &sealed).expect("it opens") == content());
    assert!(sealed.len() < serde_json::to_vec(&content()).expect("JSON").len());
    assert!(!sealed.windows(6).any(|bytes| bytes == b"Lisbon"));
}

#[test]
fn an_entry_opens_as_nothing_but_what_it_was_sealed_as() {
    // A column that is new has to be here, and so in a row below.
    let EntryLabel {
        tenant: _,
        id: _,
        key: _,
        namespace: _,
        exact: _,
        canonical: _,
        provider: _,
        model: _,
        created_at: _,
        exact_until: _,
        canonical_until: _,
        similar_until: _,
        bytes: _,
        cost_nanos: _,
    } = label();
    let later = Duration::microseconds(1);
    #[rustfmt::skip]
    let table: [(&str, Change<'_>); 20] = [
        ("tenant",               &|label| label.tenant = TenantId::from_uuid(Uuid::from_u128(2))),
        ("id",                   &|label| label.id = CacheEntryId::from_uuid(Uuid::from_u128(1))),
        ("key",                  &|label| label.key = Uuid::from_u128(4)),
        ("namespace",            &|label| label.namespace[31] ^= 1),
        ("exact",                &|label| label.exact[0] ^= 1),
        ("canonical",            &|label| label.canonical = Some([7; 32])),
        ("no canonical",         &|label| label.canonical = None),
        ("provider",             &|label| label.provider = "q".into()),
        ("model",                &|label| label.model = "n".into()),
        ("provider into model",  &|label| (label.provider, label.model) = ("pm".into(), String::new())),
        ("created_at",           &|label| label.created_at += later),
        ("exact_until",          &|label| label.exact_until += later),
        ("canonical_until",      &|label| label.canonical_until = label.canonical_until.map(|until| until + later)),
        ("no canonical_until",   &|label| label.canonical_until = None),
        ("similar_until",        &|label| label.similar_until = label.similar_until.map(|until| until + later)),
        ("no similar_until",     &|label| label.similar_until = None),
        ("similar for canonical", &|label| (label.canonical_until, label.similar_until) = (None, label.canonical_until)),
        ("bytes",                &|label| label.bytes += 1),
        ("cost_nanos",           &|label| label.cost_nanos += 1),
        ("exact for namespace",  &|label| std::mem::swap(&mut label.exact, &mut label.namespace)),
    ];
    let sealed = sealed();
    for (what, change) in table {
        let mut label = label();
        change(&mut label);
        assert!(open(&key(1), &label, [0; NONCE_BYTES], &sealed).is_err(), "{what}");
    }
    assert!(open(&key(2), &label(), [0; NONCE_BYTES], &sealed).is_err(), "another tenant's key");
}

#[test]
fn an_entry_with_any_bit_changed_does_not_open() {
    let sealed = sealed();
    for at in 0..sealed.len() {
        for bit in 0..8 {
            let mut changed = sealed.clone();
            changed[at] ^= 1 << bit;
            assert!(open(&key(1), &label(), [0; NONCE_BYTES], &changed).is_err(), "bit {bit} of byte {at}");
        }
    }
    for byte in 0..NONCE_BYTES {
        let mut nonce = [0; NONCE_BYTES];
        nonce[byte] = 1;
        assert!(open(&key(1), &label(), nonce, &sealed).is_err(), "byte {byte} of the nonce");
    }
    assert!(open(&key(1), &label(), [0; NONCE_BYTES], &[]).is_err());
}

#[test]
fn a_vector_is_known_by_what_the_database_gives_back() {
    let vector: Vec<f32> = (0..384_u16).map(|i| f32::from(i).sin() / 20.0).collect();
    let stored = as_stored(&vector);
    assert_eq!(as_stored(&stored), stored, "what comes back is what was stored");
    assert!(vector.iter().zip(&stored).all(|(one, other)| (one - other).abs() < 1e-4));
    let mut other = stored.clone();
    other[383] = -other[383];
    assert_ne!(hash_of_vector(&stored), hash_of_vector(&other));
}
