//! What every test's end does: a test whose log, answers or database has a secret fails, and so does one whose database cannot be read. Shown
//! by tests that do, each in a process of its own.

use serde_json::json;
use std::env;
use supergate_tests::{
    app::provider_key,
    leaks,
    postgres::{PEPPER, TestDatabase, execute, superuser_url},
};
use tokio::process::Command;

const PROMPT: &str = "what nobody else may \"know\"";
const DATA_KEY: &str = "ZGF0YSBrZXkgb2YgMzIgYnl0ZXMsIGFzIEtNUyBnaXY=";
const DO: &str = "SUPERGATE_TEST_PLANT";

/// What a test does before it ends.
#[derive(Clone, Debug)]
enum Plant {
    /// SQL in its own database.
    Row(String),
    /// A line.
    Log(String),
    /// An answer of 400.
    Error(String),
    /// Its database is gone.
    Gone,
}

impl Plant {
    fn from_text(text: &str) -> Option<Self> {
        let (kind, rest) = text.split_once(' ')?;
        let rest = rest.to_owned();
        match kind {
            "row" => Some(Self::Row(rest)),
            "log" => Some(Self::Log(rest)),
            "error" => Some(Self::Error(rest)),
            "gone" => Some(Self::Gone),
            _ => panic!("{DO}={text}"),
        }
    }
}

#[tokio::test]
async fn a_test_in_which_nothing_is_planted_passes() {
    leaks::watch();
    let database = TestDatabase::migrated().await;
    let asked = json!({"messages": [{"role": "user", "content": PROMPT}]});
    leaks::note_prompts(asked.to_string().as_bytes());
    leaks::note_plaintext(json!({"Plaintext": DATA_KEY}).to_string().as_bytes());
    match env::var(DO).ok().as_deref().and_then(Plant::from_text) {
        None => {}
        Some(Plant::Row(sql)) => execute(&database.owner_url(), &sql).await,
        Some(Plant::Log(line)) => tracing::trace!(planted = %line, "a line"),
        Some(Plant::Error(body)) => leaks::check_error("", &body),
        Some(Plant::Gone) => {
            let url = database.owner_url();
            let (_, name) = url.rsplit_once("/test_").expect("a test's database");
            let name = name.split('?').next().expect("a name");
            execute(&superuser_url(), &format!("drop database test_{name} with (force)")).await;
        }
    }
}

/// Runs that test with something planted: what it printed if it failed.
async fn failure(plant: &str) -> Option<String> {
    let mut test = Command::new(env::current_exe().expect("this test"));
    test.args(["--exact", "teardown::a_test_in_which_nothing_is_planted_passes", "--nocapture"]).env(DO, plant);
    let ended = test.output().await.expect("a process");
    let printed = format!("{}{}", String::from_utf8_lossy(&ended.stdout), String::from_utf8_lossy(&ended.stderr));
    assert!(printed.contains("running 1 test"), "{printed}");
    (!ended.status.success()).then_some(printed)
}

#[tokio::test]
async fn a_test_that_leaves_a_secret_anywhere_fails() {
    assert_eq!(failure("").await, None, "the control: nothing is planted");
    let key = format!("sg_live_{}", "a1B2".repeat(20));
    let provider_key = provider_key("anthropic");
    for secret in [PEPPER, &provider_key, PROMPT, &key, DATA_KEY] {
        let quoted = secret.replace('\'', "''");
        let row = |value: &str| format!("row create table planted as select {value} as x");
        let mut places = vec![
            (row(&format!("'see: {quoted}.'::text")), "is in the database"),
            (row(&format!("jsonb_build_object('a', jsonb_build_array(1, 'see: {quoted}'))")), "is in the database"),
            (format!("log see: {secret}."), "is in the log"),
            (format!("error {}", json!({"error": {"message": secret}})), "is in an error"),
        ];
        // An API key is recognised by its form, which its bytes do not have; a data key is its bytes.
        if secret == DATA_KEY {
            places.push((row(&format!("decode('{DATA_KEY}', 'base64')")), "is in the database"));
        } else if secret != key {
            places.push((row(&format!("convert_to('see: {quoted}.', 'UTF8')")), "is in the database"));
        }
        for (plant, found) in places {
            let printed = failure(&plant).await.unwrap_or_else(|| panic!("{plant}: the test passes"));
            assert!(printed.contains(found), "{plant}: {printed}");
        }
    }
}

#[tokio::test]
async fn a_test_whose_database_cannot_be_read_fails() {
    let printed = failure("gone now").await.expect("the test fails");
    assert!(printed.contains("does not exist"), "{printed}");
}
