//! Whether the time of a refusal tells why: unknown, revoked, wrong, foreign and expired keys, and those of a suspended tenant.
//!
//! The check itself is timed in this process, without the database and the network, whose noise would hide any small difference; and with
//! its look-up, where what is left to notice is a query more or less. An id that is not there is left out of the second: no row is found,
//! none is sent and none is read. Ids are no secrets.

use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use supergate::{
    clock::SystemClock,
    config::Config,
    crypto::secret::{Pepper, Peppers},
    db::Database,
    tenancy::{
        KeyId,
        api_key::ApiKey,
        auth::{AuthError, Authenticator},
        key_check::{Good, StoredKey, StoredSecret, check},
    },
};
use supergate_tests::{
    app::{App, TOKEN_SECRET},
    office::text,
    postgres::PEPPER,
    timing::{BOUND, Dice, Difference, largest, median},
};
use time::OffsetDateTime;

const ROUNDS: usize = 9;
const KEYS: usize = 32;
/// Enough for t to notice a difference of two thousandths of the check's time; one hash left out is half of it.
const SAMPLES: usize = 4_000;
/// With the look-up, enough for a difference of a few hundredths.
const LOOKED_UP: usize = 400;
const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const KINDS: [&str; 6] = ["unknown", "revoked", "wrong secret", "foreign pepper", "expired", "suspended tenant"];

type Check = fn(&ApiKey, Option<&StoredKey>, &Peppers) -> Option<Good>;

fn pepper(byte: u8) -> Pepper {
    Pepper::new(vec![byte; 32]).expect("long enough")
}

fn secret(dice: &mut Dice) -> [u8; 32] {
    std::array::from_fn(|_| dice.roll().to_le_bytes()[3])
}

/// What may be stored under the id of a key that is refused.
fn stored(kind: &str, key: &ApiKey, other: &ApiKey) -> Option<StoredKey> {
    let hash = |key: &ApiKey, byte| StoredSecret {
        hash: key.hash(&pepper(byte)).as_bytes().try_into().expect("32 bytes"),
        pepper_version: 1,
    };
    let good =
        StoredKey { secret: hash(key, 1), previous: None, revoked: false, expires_at: None, tenant_active: true };
    match kind {
        "unknown" => None,
        "revoked" => Some(StoredKey { revoked: true, ..good }),
        "wrong secret" => Some(StoredKey { secret: hash(other, 1), ..good }),
        "foreign pepper" => Some(StoredKey { secret: hash(key, 9), ..good }),
        "expired" => Some(StoredKey { expires_at: Some(NOW), ..good }),
        "suspended tenant" => Some(StoredKey { tenant_active: false, ..good }),
        other => panic!("{other}"),
    }
}

/// Nanoseconds of each kind.
fn sample(check: Check, dice: &mut Dice) -> Vec<Vec<f64>> {
    let peppers = Peppers::new(1, pepper(1), None);
    // The same keys for every kind: where one lies in memory must not count for one kind and not for another.
    let keys: Vec<[ApiKey; 2]> = (0..KEYS)
        .map(|_| {
            let id = KeyId::generate(Duration::from_millis(dice.roll() >> 24));
            [ApiKey::new(id, &secret(dice)), ApiKey::new(id, &secret(dice))]
        })
        .collect();
    let cases: Vec<Vec<Option<StoredKey>>> =
        KINDS.iter().map(|kind| keys.iter().map(|[key, other]| stored(kind, key, other)).collect()).collect();
    let mut times = vec![Vec::with_capacity(SAMPLES); KINDS.len()];
    for kind in dice.order(KINDS.len(), SAMPLES) {
        let which = dice.below(KEYS);
        let ([key, _], stored) = (&keys[which], &cases[kind][which]);
        let begun = Instant::now();
        let good = std::hint::black_box(check(key, stored.as_ref(), &peppers));
        let took = begun.elapsed();
        assert!(good.is_none(), "{}", KINDS[kind]);
        times[kind].push(took.as_secs_f64() * 1e9);
    }
    times
}

fn rounds(check: Check, dice: &mut Dice) -> Vec<Difference> {
    (0..ROUNDS).map(|_| largest(&KINDS, &sample(check, dice))).collect()
}

#[test]
fn the_time_of_a_refusal_does_not_tell_why() {
    let found = rounds(|key, stored, peppers| check(key, stored, peppers, NOW), &mut Dice::new(0x9e37_79b9_7f4a_7c15));
    println!("key check: {found:?}");
    assert!(median(found.clone()).t < BOUND, "{found:?}");
}

#[test]
fn a_check_that_is_done_sooner_where_there_is_no_key_would_be_found() {
    let sooner: Check = |key, stored, peppers| check(key, Some(stored?), peppers, NOW);
    let found = rounds(sooner, &mut Dice::new(0x2545_f491_4f6c_dd1d));
    assert!(found.iter().all(|round| round.t > BOUND), "the measurement is blind: {found:?}");
}

/// Refused keys that have rows: so many of each kind, made in turn, so that none lie together.
async fn with_rows(app: &App, kinds: &[(&str, &str)]) -> Vec<Vec<HeaderMap>> {
    let superuser = app.database.superuser().await;
    let mut all = vec![Vec::new(); kinds.len()];
    for _ in 0..8 {
        for ((_, change), headers) in kinds.iter().zip(&mut all) {
            let key = text(&app.new_key(&app.api_key, json!({"name": "n", "role": "member"})).await["key"]);
            let id = *ApiKey::parse(&key).expect("a key").id().as_uuid();
            superuser.execute(&format!("update api_keys set {change} where id = $1"), &[&id]).await.expect("a row");
            let mut map = HeaderMap::new();
            map.insert(AUTHORIZATION, format!("Bearer {key}").parse().expect("a header"));
            headers.push(map);
        }
    }
    all
}

#[tokio::test]
async fn nor_does_it_with_the_look_up() {
    let app = App::start().await;
    let kinds = [
        ("revoked", "revoked_at = now()"),
        ("wrong secret", "hash = sha256(hash)"),
        ("foreign pepper", "pepper_version = 9"),
        ("expired", "expires_at = now()"),
    ];
    let (url, names) = (app.database.app_url(), kinds.map(|(name, _)| name));
    let vars = |name: &str| match name {
        "DATABASE_URL" => Some(url.clone()),
        "SUPERGATE_KEY_PEPPER" => Some(PEPPER.to_owned()),
        "SUPERGATE_TOKEN_SECRET" => Some(TOKEN_SECRET.to_owned()),
        "SUPERGATE_KMS_KEY_ID" => Some("unused".to_owned()),
        _ => None,
    };
    let config = Config::load(&vars).expect("a complete configuration");
    let db = Database::new(&config.database, 1).expect("a pool");
    let authenticator = Authenticator::new(db, config.credentials, Arc::new(SystemClock)).expect("an authenticator");
    let headers = with_rows(&app, &kinds).await;
    let (mut dice, mut found, mut planted) = (Dice::new(0x6a09_e667_f3bc_c908), Vec::new(), Vec::new());
    for _ in 0..5 {
        let mut times = vec![Vec::with_capacity(LOOKED_UP); kinds.len()];
        for kind in dice.order(kinds.len(), LOOKED_UP) {
            let headers = &headers[kind][dice.below(headers[kind].len())];
            let begun = Instant::now();
            let answer = authenticator.authenticate(headers).await;
            times[kind].push(begun.elapsed().as_secs_f64() * 1e9);
            assert!(matches!(answer, Err(AuthError::Invalid)), "{}", names[kind]);
        }
        found.push(largest(&names, &times));
        // As if one kind had asked twice.
        times[0].iter_mut().for_each(|time| *time *= 2.0);
        planted.push(largest(&names, &times));
    }
    println!("key check with its look-up: {found:?}");
    assert!(median(found.clone()).t < BOUND, "{found:?}");
    assert!(planted.iter().all(|round| round.t > BOUND), "the measurement is blind: {planted:?}");
}
