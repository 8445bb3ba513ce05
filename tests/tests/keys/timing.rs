//! Whether the time of a refusal tells why: Welch's t between unknown, revoked, wrong, foreign and expired keys, over interleaved samples.
//!
//! It is the check itself that is timed, in this process, without the database and the network, whose noise would hide any difference. A
//! busy machine makes the samples wider and t smaller, so it does not fail the test; that a difference would be found is shown by a check
//! that has one. What a busy machine can do is disturb one side for a moment: a round that fails is repeated with fresh keys, and a check
//! that tells is found in every round.

use std::time::{Duration, Instant};
use supergate::{
    crypto::secret::{Pepper, Peppers},
    tenancy::{
        KeyId,
        api_key::ApiKey,
        key_check::{Good, StoredKey, StoredSecret, check},
    },
};
use time::OffsetDateTime;

/// The usual bound: beyond it the times are of two distributions.
const BOUND: f64 = 4.5;
const ROUNDS: usize = 8;
const KEYS: usize = 32;
/// Enough for t to notice a difference of three thousandths of the check's time; one hash left out is half of it.
const SAMPLES: usize = 2_000;
/// What is slower than these was interrupted.
const KEPT: f64 = 0.9;
const NOW: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;
const KINDS: [&str; 6] = ["unknown", "revoked", "wrong secret", "foreign pepper", "expired", "suspended tenant"];

type Check = fn(&ApiKey, Option<&StoredKey>, &Peppers) -> Option<Good>;

/// Numbers without a pattern, the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn secret(&mut self) -> [u8; 32] {
        std::array::from_fn(|_| self.roll().to_le_bytes()[3])
    }
}

fn pepper(byte: u8) -> Pepper {
    Pepper::new(vec![byte; 32]).expect("long enough")
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

/// Nanoseconds of each kind, of checks in an order that nobody chose.
fn sample(check: Check, dice: &mut Dice) -> Vec<Vec<f64>> {
    let peppers = Peppers::new(1, pepper(1), None);
    // The same keys for every kind: where one lies in memory must not count for one kind and not for another.
    let keys: Vec<[ApiKey; 2]> = (0..KEYS)
        .map(|_| {
            let id = KeyId::generate(Duration::from_millis(dice.roll() >> 24));
            [ApiKey::new(id, &dice.secret()), ApiKey::new(id, &dice.secret())]
        })
        .collect();
    let cases: Vec<Vec<Option<StoredKey>>> =
        KINDS.iter().map(|kind| keys.iter().map(|[key, other]| stored(kind, key, other)).collect()).collect();
    let mut order: Vec<usize> = (0..KINDS.len() * SAMPLES).map(|i| i % KINDS.len()).collect();
    for i in (1..order.len()).rev() {
        order.swap(i, usize::try_from(dice.roll()).expect("64 bits") % (i + 1));
    }
    let mut times = vec![Vec::with_capacity(SAMPLES); KINDS.len()];
    for kind in order {
        let which = usize::try_from(dice.roll()).expect("64 bits") % KEYS;
        let ([key, _], stored) = (&keys[which], &cases[kind][which]);
        let begun = Instant::now();
        let good = std::hint::black_box(check(key, stored.as_ref(), &peppers));
        let took = begun.elapsed();
        assert!(good.is_none(), "{}", KINDS[kind]);
        times[kind].push(took.as_secs_f64() * 1e9);
    }
    times
}

/// The largest t of any two kinds, and which they are. Both are cut at the same time, so that cutting makes no difference.
fn largest_t(times: &[Vec<f64>]) -> (f64, String) {
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let cut = all[(all.len() as f64 * KEPT) as usize];
    let moments: Vec<(f64, f64)> = times.iter().map(|times| moments(times, cut)).collect();
    let mut largest = (0.0, String::new());
    for (i, (mean, error)) in moments.iter().enumerate() {
        for (j, (other_mean, other_error)) in moments.iter().enumerate().skip(i + 1) {
            let t = (mean - other_mean).abs() / (error + other_error).sqrt();
            if t > largest.0 {
                largest = (t, format!("{} {mean:.0} ns, {} {other_mean:.0} ns, t = {t:.1}", KINDS[i], KINDS[j]));
            }
        }
    }
    largest
}

/// Mean, and the square of its standard error.
#[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
fn moments(times: &[f64], cut: f64) -> (f64, f64) {
    let kept: Vec<f64> = times.iter().copied().filter(|time| *time <= cut).collect();
    let count = kept.len() as f64;
    let mean = kept.iter().sum::<f64>() / count;
    let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}

fn rounds(check: Check, dice: &mut Dice) -> impl Iterator<Item = (f64, String)> {
    (0..ROUNDS).map(move |_| largest_t(&sample(check, dice)))
}

#[test]
fn the_time_of_a_refusal_does_not_tell_why() {
    let (mut dice, mut found) = (Dice(0x9e37_79b9_7f4a_7c15), Vec::new());
    let told = rounds(|key, stored, peppers| check(key, stored, peppers, NOW), &mut dice).all(|round| {
        found.push(round);
        found.last().is_some_and(|(t, _)| *t >= BOUND)
    });
    println!("key check: {found:?}");
    assert!(!told, "every round tells them apart: {found:?}");
}

#[test]
fn a_check_that_is_done_sooner_where_there_is_no_key_would_be_found() {
    let mut dice = Dice(0x2545_f491_4f6c_dd1d);
    let sooner: Check = |key, stored, peppers| check(key, Some(stored?), peppers, NOW);
    let found: Vec<_> = rounds(sooner, &mut dice).collect();
    assert!(found.iter().all(|(t, _)| *t > BOUND), "the measurement is blind: {found:?}");
}
