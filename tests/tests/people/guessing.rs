//! Passwords that are guessed.

use super::{
    as_superuser,
    browser::{Browser, PASSWORD},
    outcome, refused,
};
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::app::App;

/// So long that no test is in two windows.
const WINDOW: (&str, &str) = ("SUPERGATE_ATTEMPTS_WINDOW_S", "1000000");

#[tokio::test]
async fn an_unknown_person_and_a_wrong_password_are_told_the_same() {
    let app = App::start().await;
    Browser::registered(&app, "ada@known.example", "Engines").await;
    // Somebody whom only an identity provider knows.
    let sql = "insert into people (id, email, name) values (gen_random_uuid(), 'no@password.example', 'No')";
    as_superuser(&app, sql).await;
    let mut told = Vec::new();
    for (email, password) in [
        ("ada@known.example", "not the password"),
        ("ada@known.example", ""),
        ("nobody@known.example", PASSWORD),
        ("no@password.example", PASSWORD),
        ("ada@known.example", &PASSWORD.repeat(40)),
    ] {
        let answer = Browser::new(&app).sign_in(email, password).await;
        assert_eq!(outcome(&answer), refused(401, "invalid_credentials"));
        let mut headers = answer.headers.clone();
        headers.remove("x-request-id");
        told.push((headers, answer.text()));
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "{told:?}");
}

#[tokio::test]
async fn guessing_ends_after_so_many_attempts_for_an_account_and_from_an_address() {
    let limits = [WINDOW, ("SUPERGATE_ATTEMPTS_PER_ACCOUNT", "3"), ("SUPERGATE_ATTEMPTS_PER_ADDRESS", "5")];
    let app = App::start_with(&limits).await;
    let name = uuid::Uuid::now_v7().simple().to_string();
    let known = format!("known@{name}.example");
    Browser::registered(&app, &known, "Engines").await;
    for email in [known, format!("unknown@{name}.example")] {
        let mut guesser = Browser::new(&app);
        for _ in 0..3 {
            assert_eq!(guesser.sign_in(&email, "a guess").await.status, 401);
        }
        let answer = guesser.sign_in(&email, PASSWORD).await;
        assert_eq!(
            outcome(&answer),
            refused(429, "rate_limit_exceeded"),
            "the right one comes too late; unknown is like known"
        );
        assert!((1..=1_000_000).contains(&answer.header("retry-after").parse::<u32>().expect("seconds")));
    }
    let network = format!("2001:db8:{}:{}", &name[..4], &name[28..]);
    for i in 0..7 {
        let mut guesser = Browser::new(&app);
        guesser.address = Some(format!("{network}::{i}"));
        let answer = guesser.sign_in(&format!("n{i}@{name}.example"), "a guess").await;
        assert_eq!(answer.status, if i < 5 { 401 } else { 429 }, "attempt {i} from one network");
    }
    let at_once = (0..6).map(|_| async {
        Browser::new(&app).sign_in(&format!("race@{name}.example"), "a guess").await.status.as_u16()
    });
    let statuses = futures_util::future::join_all(at_once).await;
    assert_eq!(
        statuses.iter().filter(|status| **status == 401).count(),
        3,
        "of six at once no more than three: {statuses:?}"
    );
}

#[tokio::test]
async fn a_right_password_is_no_attempt_and_a_new_window_counts_anew() {
    let limits = [WINDOW, ("SUPERGATE_ATTEMPTS_PER_ACCOUNT", "2"), ("SUPERGATE_ATTEMPTS_PER_ADDRESS", "2")];
    let app = App::start_with(&limits).await;
    let name = uuid::Uuid::now_v7().simple().to_string();
    let email = format!("ada@{name}.example");
    let mut ada = Browser::registered(&app, &email, "Engines").await;
    ada.address = Some(format!("10.0.0.1 {name}"));
    for _ in 0..4 {
        assert_eq!(ada.sign_in(&email, "a typo").await.status, 401);
        assert_eq!(ada.sign_in(&email, PASSWORD).await.status, 200, "one typo is forgiven, each time");
        ada.address = Some(format!("{}'", ada.address.unwrap_or_default()));
    }
    let change = json!({"current_password": "a guess", "new_password": "another horse, another battery"});
    for status in [400, 400, 429] {
        assert_eq!(ada.post("password", &change).await.status, status, "a stolen token is no way to guess");
    }
    for status in [401, 401, 429] {
        assert_eq!(ada.sign_in(&email, "a guess").await.status, status);
        ada.address = None;
    }
    app.clock.advance(Duration::from_secs(1_000_000));
    assert_eq!(ada.sign_in(&email, PASSWORD).await.status, 200);
}

#[tokio::test]
async fn while_attempts_cannot_be_counted_nobody_signs_in_and_who_is_signed_in_goes_on() {
    let mut app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@away.example", "Engines").await;
    let (token, cookie) = (std::mem::take(&mut ada.token), std::mem::take(&mut ada.cookie));
    app.restart_auth_with(&[("SUPERGATE_TABLE", "another-table")]).await;
    let mut ada = Browser { token, cookie, ..Browser::new(&app) };
    assert_eq!(ada.get("/v1/auth/me").await.status, 200);
    assert_eq!(ada.post("refresh", &Value::Null).await.status, 200);
    assert_eq!(ada.get("/v1/models").await.status, 200);
    let answer = Browser::new(&app).sign_in("ada@away.example", PASSWORD).await;
    assert_eq!(outcome(&answer), refused(503, "unavailable"));
    assert!(!answer.text().contains("another-table"), "causes go to the log");
}
