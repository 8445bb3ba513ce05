//! Whether the time of a refused sign-in tells that there is an account: one hash is most of it, so a few samples would show one left out.

use super::{
    as_superuser,
    browser::{Browser, PASSWORD},
};
use std::time::{Duration, Instant};
use supergate::crypto::password::Password;
use supergate_tests::{
    app::App,
    timing::{BOUND, Dice, UNDISTURBED, largest, median},
};

const ROUNDS: usize = 3;
const SAMPLES: usize = 24;
const KINDS: [(&str, &str); 3] = [
    ("unknown", "nobody@timing.example"),
    ("wrong password", "ada@timing.example"),
    ("without a password", "no@timing.example"),
];

/// Nanoseconds that a hash takes here.
fn hash_time() -> f64 {
    let mut times: Vec<Duration> = (0..5)
        .map(|_| {
            let begun = Instant::now();
            assert!(!Password::new(PASSWORD).fits(None).expect("a hash"));
            begun.elapsed()
        })
        .collect();
    times.sort_unstable();
    times[2].as_secs_f64() * 1e9
}

#[tokio::test]
async fn the_time_of_a_refused_sign_in_does_not_tell_whether_there_is_an_account() {
    let app = App::start_with(&[("SUPERGATE_ATTEMPTS_PER_ACCOUNT", "1000000")]).await;
    Browser::registered(&app, KINDS[1].1, "Engines").await;
    // Somebody whom only an identity provider knows.
    let sql = format!("insert into people (id, email, name) values (gen_random_uuid(), '{}', 'No')", KINDS[2].1);
    as_superuser(&app, &sql).await;
    let names = KINDS.map(|(name, _)| name);
    let (mut dice, mut found, mut planted) = (Dice::new(0x3c6e_f372_fe94_f82b), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let mut times = vec![Vec::with_capacity(SAMPLES); KINDS.len()];
        for kind in dice.order(KINDS.len(), SAMPLES) {
            let mut browser = Browser::new(&app);
            let begun = Instant::now();
            let answer = browser.sign_in(KINDS[kind].1, "not the password").await;
            times[kind].push(begun.elapsed().as_secs_f64() * 1e9);
            assert_eq!(answer.status, 401, "{}", names[kind]);
        }
        found.push(largest(&names, &times, UNDISTURBED));
        // As if nothing were hashed where there is no account.
        let hash = hash_time();
        times[0].iter_mut().for_each(|time| *time -= hash);
        planted.push(largest(&names, &times, UNDISTURBED));
    }
    println!("sign-in: {found:?}");
    assert!(median(found.clone()).t < BOUND, "{found:?}");
    assert!(median(planted.clone()).t > BOUND, "the measurement is blind: {planted:?}");
}
