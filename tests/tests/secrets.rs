//! Secrets never appear: every route is used with secrets that are known, everything that is logged, answered and stored is kept, and none of
//! the secrets is in it, in clear or in any of the forms in which a secret gets about. What is planted is found.

#[path = "secrets/deployment.rs"]
mod deployment;
#[path = "secrets/scanner.rs"]
mod scanner;
#[path = "secrets/scenario.rs"]
mod scenario;
#[path = "secrets/teardown.rs"]
mod teardown;

use scanner::Scanner;
use scenario::Told;
use serde_json::{Value, json};
use supergate_tests::{
    app::{App, provider_key},
    dynamo,
    issuer::{Issuer, SigningKey},
    lambda::Stack,
    leaks,
    logs::Logs,
    postgres::{PEPPER, connect},
};
use tokio_postgres::Client;

/// Every row of every table, as JSON: bytes are in hexadecimal.
async fn dump(superuser: &Client) -> String {
    let tables = "select c.oid::regclass::text from pg_class c where c.relkind in ('r', 'm') and c.relnamespace = 'public'::regnamespace";
    let mut text = String::new();
    for table in superuser.query(tables, &[]).await.expect("the tables") {
        let table: String = table.get(0);
        let rows = superuser.query(&format!("select to_jsonb(t)::text from {table} t"), &[]).await.expect("the rows");
        for row in rows {
            text += &format!("{table}: {}\n", row.get::<_, String>(0));
        }
    }
    text
}

/// Fails with where and what.
fn assert_clean(scanner: &Scanner, place: &str, text: &str) {
    let found = scanner.find(text);
    assert!(found.is_empty(), "in {place}:\n{}", found.join("\n"));
}

/// The same scan, with each secret put where it was not: it must be found in each place.
async fn planted(scanner: &Scanner, logs: &Logs, superuser: &Client, answers: &[Told]) {
    for (name, secret) in scanner.secrets() {
        let scanner = scanner.only(name);
        let in_hexadecimal = || secret.iter().map(|byte| format!("{byte:02x}")).collect();
        let shown = String::from_utf8(secret.clone()).unwrap_or_else(|_| in_hexadecimal());
        tracing::trace!(target: "supergate::planted", planted = %shown, "a secret in a field");
        assert!(!scanner.find(&logs.text()).is_empty(), "{name} is not found in the log");
        superuser.batch_execute("begin").await.expect("a transaction");
        let plant = "update audit_events set after = jsonb_build_object('x', encode($1, 'base64'))";
        assert!(superuser.execute(plant, &[secret]).await.expect("a row") > 0);
        assert!(!scanner.find(&dump(superuser).await).is_empty(), "{name} is not found in base 64");
        superuser.batch_execute("rollback; begin").await.expect("an undo");
        let plant = "update provider_credentials set ciphertext = 'some bytes before'::bytea || $1";
        assert!(superuser.execute(plant, &[secret]).await.expect("a row") > 0);
        assert!(!scanner.find(&dump(superuser).await).is_empty(), "{name} is not found in bytes");
        superuser.batch_execute("rollback").await.expect("an undo");
        let body = json!({"error": {"message": format!("it was {shown}")}}).to_string();
        let last = answers.last().expect("an answer");
        let spoiled = Told { body, ..last.clone() };
        assert!(!scanner.find(&spoiled.text()).is_empty(), "{name} is not found in an answer");
    }
}

/// The same in DynamoDB, whose table other tests count in too: with one secret, for as long as it takes to look.
async fn planted_in_the_table(scanner: &Scanner) {
    let key = format!("planted#{}", uuid::Uuid::now_v7().simple());
    dynamo::plant(&key, scenario::PASSWORD).await;
    let found = scanner.only("a password").find(&dynamo::dump().await);
    dynamo::uproot(&key).await;
    assert!(!found.is_empty(), "a password is not found in the DynamoDB table");
}

#[tokio::test]
async fn no_secret_is_in_a_log_line_an_answer_or_a_row_whatever_is_asked() {
    let logs = Logs::capture().planted();
    let idp = SigningKey::ec();
    let issuer = Issuer::start(vec![idp.jwk("1")]).await;
    let issuers = json!([{"issuer": scenario::IDP, "audience": "supergate", "jwks_url": issuer.jwks_url(), "tenant_claim": "org",
                          "role_claim": "role"}]);
    let app = App::start_with(&[("SUPERGATE_OIDC_ISSUERS", &issuers.to_string())]).await;
    let superuser = app.database.superuser().await;
    let mut scanner = Scanner::default();
    let answers = scenario::run(&app, &idp, &mut scanner).await;
    scanner.add_data_keys(&superuser).await;

    let log = logs.text();
    assert!(log.lines().count() > 2 * answers.len(), "the log was kept: {} lines", log.lines().count());
    for answer in &answers {
        assert!(log.contains(&answer.request_id), "{} is in the log", answer.what);
        // What is shown once is shown to its owner.
        assert_clean(&scanner.without(&answer.shows), &format!("the answer to {}", answer.what), &answer.text());
    }
    assert_clean(&scanner, "the log", &log);
    assert_clean(&scanner, "the database", &dump(&superuser).await);
    let counted = dynamo::dump().await;
    assert!(counted.contains("attempts#login#"), "the table has what is counted: {counted}");
    assert_clean(&scanner, "the DynamoDB table", &counted);
    planted_in_the_table(&scanner).await;
    planted(&scanner, &logs, &superuser, &answers).await;
    println!(
        "secrets: {} secrets in {} forms, {} answers, {} lines of log",
        scanner.secrets().count(),
        scanner.forms(),
        answers.len(),
        log.lines().count()
    );
}

#[test]
fn what_every_other_test_is_read_for_would_be_found() {
    let key = format!("sg_live_{}_{}_0a1b2c3d", "A".repeat(22), "b".repeat(43));
    let token = format!("eyJ{}.eyJ{}.{}", "a".repeat(40), "b".repeat(80), "c".repeat(43));
    #[rustfmt::skip]
    let table = [
        (key.clone(),                           true,  "an API key"),
        (format!("{{\"authorization\":\"Bearer {key}\"}}"), true, "one in a header"),
        (token,                                 true,  "an access token"),
        (PEPPER.to_owned(),                     true,  "the pepper"),
        (format!("x-goog-api-key: {}", provider_key("google")), true, "a provider's key"),
        ("sg_live_…a070".to_owned(),            false, "a masked key"),
        ("an error without any of them".into(), false, "an innocent text"),
    ];
    for (text, is_secret, why) in table {
        assert_eq!(leaks::find(&text).is_some(), is_secret, "{why}");
    }
}

#[tokio::test]
async fn no_secret_is_in_what_the_functions_own_processes_write() {
    let stack = Stack::start().await;
    let superuser = connect(&stack.database_url()).await;
    let mut scanner = Scanner::default();
    let told = deployment::run(&stack, &mut scanner).await;
    scanner.add_data_keys(&superuser).await;
    for (function, log) in &told.logs {
        // What is invoked by hand has nothing to say where nothing fails.
        assert!(
            function == "migrate" || log.contains(&format!("\"function\":\"{function}\"")),
            "{function} logs: {log}"
        );
        assert_clean(&scanner, &format!("the output of {function}"), log);
    }
    for answer in &told.answers {
        assert_clean(&scanner.without(&answer.shows), &format!("the answer to {}", answer.what), &answer.text());
    }
    assert_clean(&scanner, "the database", &dump(&superuser).await);
    drop(superuser);
    stack.close().await;
}

#[test]
fn a_secret_is_found_in_every_form_and_at_every_place() {
    let mut scanner = Scanner::default();
    let secret = "sk-a-canary-that-sings-1234567890";
    scanner.add("a canary", secret);
    for (name, form) in scanner::forms(secret.as_bytes()) {
        for around in ["", "x", "xy", "xyz"] {
            let text = format!("{around}{form}{around}");
            assert!(!scanner.find(&text).is_empty(), "{name}: {text}");
        }
    }
    use base64::Engine as _;
    for before in 0..6 {
        let bytes = [vec![b'a'; before], secret.as_bytes().to_vec(), b"and more".to_vec()].concat();
        let text = base64::engine::general_purpose::STANDARD.encode(&bytes);
        assert!(!scanner.find(&text).is_empty(), "{before} bytes before it");
    }
    let value: Value = json!({"none": "of it: sk-a-canary, 1234567890"});
    assert!(scanner.find(&value.to_string()).is_empty(), "a piece of it is not it");
}
