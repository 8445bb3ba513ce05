//! Whether the time of a refusal tells why: unknown, revoked, wrong, foreign and expired keys, and those of a suspended tenant.
//!
//! The check itself is timed in this process, without the database and the network, whose noise would hide any small difference; and with
//! its look-up, where what is left to notice is a query more or less, or a row that is not sent.

use http::{HeaderMap, header::AUTHORIZATION};
use serde_json::json;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use supergate::{
    clock::{Clock as _, SystemClock},
    config::Config,
    crypto::secret::{Pepper, Peppers},
    db::Database,
    tenancy::{
        KeyId,
        api_key::ApiKey,
        auth::{AuthError, Authenticator},
        key_check::{End, Good, StoredKey, StoredSecret, check},
    },
};
use supergate_tests::{
    app::{App, TOKEN_SECRET},
    office::text,
    postgres::PEPPER,
    timing::{BOUND, Dice, Difference, FASTER_HALF, UNDISTURBED, largest, median},
};
use time::OffsetDateTime;

const ROUNDS: usize = 9;
/// Few enough for what all kinds have stored to stay in the nearest memory.
const KEYS: usize = 8;
/// Enough for t to notice a difference of two thousandths of the check's time; one hash left out is half of it.
const SAMPLES: usize = 2_500;
/// With the look-up, enough for a difference of a few hundredths.
const LOOKED_UP: usize = 400;
const LOOKED_UP_ROUNDS: usize = 5;
const PLANTED: f64 = 1.5;
/// So many rounds are run again before the machine is too busy to tell.
const MOST_NOISY: usize = 40;
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
    let good = StoredKey {
        secret: hash(key, 1),
        previous: StoredSecret::NONE,
        previous_end: End::NEVER,
        revoked: false,
        end: End::NEVER,
        tenant_active: true,
    };
    match kind {
        "unknown" => None,
        "revoked" => Some(StoredKey { revoked: true, ..good }),
        "wrong secret" => Some(StoredKey { secret: hash(other, 1), ..good }),
        "foreign pepper" => Some(StoredKey { secret: hash(key, 9), ..good }),
        "expired" => Some(StoredKey { end: End::at(NOW), ..good }),
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
        let ([key, _], stored) = (&keys[which], cases[kind][which].as_ref());
        let begun = Instant::now();
        let good = std::hint::black_box(check(key, stored, &peppers));
        let took = begun.elapsed();
        assert!(good.is_none(), "{}", KINDS[kind]);
        times[kind].push(took.as_secs_f64() * 1e9);
    }
    times
}

fn rounds(check: Check, dice: &mut Dice) -> Vec<Difference> {
    (0..ROUNDS).map(|_| largest(&KINDS, &sample(check, dice), UNDISTURBED)).collect()
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
    assert!(median(found.clone()).t > BOUND, "the measurement is blind: {found:?}");
}

/// Why a key is refused, for the look-up: what becomes of its row, and of its tenant's. None: it never had a row. What a key has takes some
/// microseconds to read, whether it is refused or not, and an expired one has an end: that kind is timed by the check alone.
const LOOKED_UP_KINDS: [(&str, Option<[&str; 2]>); 6] = [
    ("unknown", None),
    ("revoked", Some(["revoked_at = now()", ""])),
    ("wrong secret", Some(["hash = sha256(hash)", ""])),
    ("foreign pepper", Some(["pepper_version = 9", ""])),
    ("another tenant's", Some(["hash = sha256(hash)", "name = 'another'"])),
    ("suspended tenant", Some(["name = name", "status = 'suspended'"])),
];

fn bearer(key: &str) -> HeaderMap {
    HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {key}").parse().expect("a header"))])
}

/// Refused keys, so many of each kind, made in turn, so that none lie together.
async fn refused_keys(app: &App, dice: &mut Dice) -> Vec<Vec<HeaderMap>> {
    let superuser = app.database.superuser().await;
    let mut makers = Vec::new();
    for (name, change) in LOOKED_UP_KINDS {
        let is_own = change.is_none_or(|[_, tenant]| tenant.is_empty());
        makers.push(if is_own { app.api_key.clone() } else { app.other_tenant(name).await.key });
    }
    let mut all = vec![Vec::new(); LOOKED_UP_KINDS.len()];
    for _ in 0..KEYS {
        for (((_, change), maker), headers) in LOOKED_UP_KINDS.iter().zip(&makers).zip(&mut all) {
            let Some([change, _]) = change else {
                let id = KeyId::generate(app.clock.since_epoch());
                headers.push(bearer(ApiKey::new(id, &secret(dice)).reveal()));
                continue;
            };
            let key = text(&app.new_key(maker, json!({"name": "n", "role": "member"})).await["key"]);
            let id = *ApiKey::parse(&key).expect("a key").id().as_uuid();
            superuser.execute(&format!("update api_keys set {change} where id = $1"), &[&id]).await.expect("a row");
            headers.push(bearer(&key));
        }
    }
    for ((_, change), maker) in LOOKED_UP_KINDS.iter().zip(&makers) {
        let Some([_, change]) = change.filter(|[_, change]| !change.is_empty()) else { continue };
        let id = *ApiKey::parse(maker).expect("a key").id().as_uuid();
        let sql = format!("update tenants set {change} where id = (select tenant_id from api_keys where id = $1)");
        superuser.execute(&sql, &[&id]).await.expect("a tenant");
    }
    all
}

/// Rounds in which a difference by half would be seen, which is less than a missing row makes: what other tests and programs do to a round
/// that is none of them tells nothing.
async fn quiet_rounds(authenticator: &Authenticator, headers: &[Vec<HeaderMap>], dice: &mut Dice) -> Vec<Difference> {
    let names = LOOKED_UP_KINDS.map(|(name, _)| name);
    let (mut found, mut noisy) = (Vec::new(), Vec::new());
    while found.len() < LOOKED_UP_ROUNDS {
        let times = look_up(authenticator, headers, dice).await;
        let slower = times[1].iter().map(|time| time * PLANTED).collect();
        // Of one kind with itself: whether a round counts has nothing to do with what it finds.
        let planted = largest(&[names[1], "slower"], &[times[1].clone(), slower], FASTER_HALF);
        if planted.t > BOUND {
            found.push(largest(&names, &times, FASTER_HALF));
        } else {
            noisy.push(planted);
        }
        assert!(noisy.len() < MOST_NOISY, "the measurement is blind: {noisy:?}");
    }
    found
}

/// Nanoseconds of each kind, each looked up and refused.
async fn look_up(authenticator: &Authenticator, headers: &[Vec<HeaderMap>], dice: &mut Dice) -> Vec<Vec<f64>> {
    let mut times = vec![Vec::with_capacity(LOOKED_UP); headers.len()];
    for kind in dice.order(headers.len(), LOOKED_UP) {
        let headers = &headers[kind][dice.below(headers[kind].len())];
        let begun = Instant::now();
        let answer = authenticator.authenticate(headers).await;
        times[kind].push(begun.elapsed().as_secs_f64() * 1e9);
        assert!(matches!(answer, Err(AuthError::Invalid)), "{}", LOOKED_UP_KINDS[kind].0);
    }
    times
}

#[tokio::test]
async fn nor_does_it_with_the_look_up() {
    let app = App::start().await;
    let url = app.database.app_url();
    let vars = |name: &str| match name {
        "DATABASE_URL" => Some(url.clone()),
        "SUPERGATE_KEY_PEPPER" => Some(PEPPER.to_owned()),
        "SUPERGATE_TOKEN_SECRET" => Some(TOKEN_SECRET.to_owned()),
        "SUPERGATE_KMS_KEY_ID" | "SUPERGATE_TABLE" => Some("unused".to_owned()),
        _ => None,
    };
    let config = Config::load(&vars).expect("a complete configuration");
    let db = Database::new(&config.database, 1).expect("a pool");
    let authenticator = Authenticator::new(db, config.credentials, Arc::new(SystemClock)).expect("an authenticator");
    let mut dice = Dice::new(0x6a09_e667_f3bc_c908);
    let headers = refused_keys(&app, &mut dice).await;
    let found = quiet_rounds(&authenticator, &headers, &mut dice).await;
    println!("key check with its look-up: {found:?}");
    assert!(median(found.clone()).t < BOUND, "{found:?}");

    // As it was before an unknown id was answered with a row.
    let superuser = app.database.superuser().await;
    let definition = "select pg_get_functiondef('app.find_api_key(uuid)'::regprocedure)";
    let definition: String = superuser.query_one(definition, &[]).await.expect("the catalogue").get(0);
    assert!(definition.contains("left join public.api_keys"), "{definition}");
    superuser
        .batch_execute(&definition.replace("left join public.api_keys", "join public.api_keys"))
        .await
        .expect("changed");
    let without = quiet_rounds(&authenticator, &headers, &mut dice).await;
    println!("key check with a look-up that gives no row for an unknown id: {without:?}");
    assert!(median(without.clone()).t > BOUND, "the measurement is blind: {without:?}");
}
