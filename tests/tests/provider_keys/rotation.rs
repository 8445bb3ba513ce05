//! Credentials sealed anew: under another KMS key, under fresh data keys, killed anywhere and gone on with.

use super::*;
use std::time::Duration;
use supergate::gateway::admin::rotation::Command;
use supergate_tests::{
    app::KMS_KEY,
    kms::{KmsWitness, new_key},
};

const KEY: &str = "SUPERGATE_KMS_KEY_ID";
const PREVIOUS: &str = "SUPERGATE_KMS_KEY_ID_PREVIOUS";
const ENDPOINT: &str = "AWS_ENDPOINT_URL_KMS";

fn command(json: Value) -> Command {
    serde_json::from_value(json).expect("a command")
}

/// Each credential's id and a digest of some of its columns, by provider.
async fn digests(app: &App, columns: &str) -> Vec<String> {
    let query = format!("select id || md5({columns}) from provider_credentials order by id");
    let rows = app.database.superuser().await.query(&query, &[]).await.expect("the rows");
    rows.iter().map(|row| row.get(0)).collect()
}

/// How many are different.
fn differ(before: &[String], after: &[String]) -> usize {
    before.iter().zip(after).filter(|(before, after)| before != after).count()
}

async fn expect_all_open(app: &App, why: &str) {
    for model in MODELS {
        let answer = app.chat(&ask(model, "hello")).await;
        assert_eq!(answer.status, 200, "{why}: {model}: {}", answer.text());
    }
}

#[tokio::test]
async fn everything_is_wrapped_under_another_kms_key_while_it_serves() {
    let mut app = App::start().await;
    let new = new_key().await;
    app.restart_with(&[(KEY, &new)]).await;
    let answer = app.chat(&ask(MODELS[0], "hello")).await;
    assert_eq!(answer.status, 424, "what another key wrapped is not ours");
    app.restart_with(&[(KEY, &new), (PREVIOUS, KMS_KEY)]).await;
    expect_all_open(&app, "the key before still unwraps").await;

    let (secrets, keys) = (digests(&app, "ciphertext").await, digests(&app, "wrapped_key").await);
    let report = app.rotation(&[(KEY, &new)]).await.run(Command::default(), None).await.expect("a rotation");
    assert_eq!((report.rewrapped, report.failed, report.next.is_none()), (5, 0, true));
    assert_eq!(differ(&keys, &digests(&app, "wrapped_key").await), 5);
    assert_eq!(differ(&secrets, &digests(&app, "ciphertext").await), 0, "the secrets themselves were not touched");
    let under_new = format!("select count(*) from provider_credentials where kms_key_id like '%{new}'");
    assert_eq!(count(&app, &under_new).await, 5);
    app.restart_with(&[(KEY, &new)]).await;
    expect_all_open(&app, "the key before is not needed any more").await;
    let noted = "select count(*) from audit_events where action = 'provider_keys.rewrap' and actor = 'deployment'";
    assert_eq!(count(&app, noted).await, 5);
}

#[tokio::test]
async fn fresh_data_keys_seal_the_same_secrets() {
    let mut app = App::start().await;
    let columns = ["wrapped_key", "nonce", "ciphertext"];
    let mut before = Vec::new();
    for column in columns {
        before.push(digests(&app, column).await);
    }
    let rotation = app.rotation(&[]).await;
    let report = rotation.run(command(json!({"action": "data_keys"})), None).await.expect("a rotation");
    assert_eq!((report.rewrapped, report.failed), (5, 0));
    for (column, before) in columns.iter().zip(&before) {
        assert_eq!(differ(before, &digests(&app, column).await), 5, "{column}");
    }
    app.restart().await;
    expect_all_open(&app, "sealed anew").await;
}

#[tokio::test]
async fn one_that_does_not_open_raises_the_alarm_and_stops_nobody() {
    for action in ["rewrap", "data_keys"] {
        let logs = Logs::errors();
        let app = App::start().await;
        sql(
            &app,
            "update provider_credentials set wrapped_key = set_byte(wrapped_key, 60, 255 - get_byte(wrapped_key, 60)) \
                   where provider = 'google'",
        )
        .await;
        let broken = digests(&app, "wrapped_key || ciphertext").await;
        let report = app.rotation(&[]).await.run(command(json!({"action": action})), None).await.expect("a rotation");
        assert_eq!((report.rewrapped, report.failed, report.next.is_none()), (4, 1, true), "{action}");
        assert_eq!(
            differ(&broken, &digests(&app, "wrapped_key || ciphertext").await),
            4,
            "{action}: it stays as it is"
        );
        let alarms = logs.alarms("provider_credential_unreadable");
        assert_eq!(alarms.len(), 1, "{action}");
        assert_eq!(alarms[0]["provider"], "google", "{action}");
    }
}

#[tokio::test]
async fn it_can_be_killed_anywhere_and_gone_on_with() {
    for action in ["rewrap", "data_keys"] {
        // A rewrapping asks KMS once for each, fresh data keys take two calls.
        for at_call in 1..=if action == "rewrap" { 5 } else { 10 } {
            let kms = KmsWitness::start().await;
            let mut app = App::start().await;
            let begun = json!({"action": action, "sealed_before": "9999-01-01T00:00:00Z"});
            let before = digests(&app, "wrapped_key").await;
            let stamp = "select (extract(epoch from max(sealed_at)) * 1000000)::bigint from provider_credentials";
            let last_sealed = count(&app, stamp).await;
            let rotation = app.rotation(&[(ENDPOINT, kms.url())]).await;
            tokio::select! {
                report = rotation.run(command(begun), None) => panic!("it was not killed: {report:?}"),
                () = kms.until(at_call) => {}
            }
            drop(rotation);
            let done = differ(&before, &digests(&app, "wrapped_key").await);
            assert!(done < 5, "{action}, killed at call {at_call}");
            app.restart().await;
            expect_all_open(&app, &format!("{action}, killed at call {at_call}")).await;

            // What was sealed before the first run began is what is left.
            let moment =
                time::OffsetDateTime::from_unix_timestamp_nanos(i128::from(last_sealed + 1) * 1000).expect("a time");
            let moment = moment.format(&time::format_description::well_known::Rfc3339).expect("a time");
            let rest = command(json!({"action": action, "sealed_before": moment}));
            let report = app.rotation(&[]).await.run(rest, None).await.expect("the rest");
            assert_eq!(report.rewrapped, 5 - u64::try_from(done).expect("a few"), "{action}, killed at call {at_call}");
            assert_eq!(differ(&before, &digests(&app, "wrapped_key").await), 5);
            app.restart().await;
            expect_all_open(&app, &format!("{action}, gone on with after call {at_call}")).await;
        }
    }
}

#[tokio::test]
async fn before_the_deadline_it_stops_and_says_how_to_go_on() {
    let kms = KmsWitness::start().await;
    let app = App::start().await;
    let rotation = app.rotation(&[(ENDPOINT, kms.url())]).await;
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
    let deadline = now + Duration::from_secs(900);
    // Time passes while the third is at KMS.
    let (report, ()) = tokio::join!(rotation.run(Command::default(), Some(deadline)), async {
        kms.until(3).await;
        app.clock.advance(Duration::from_secs(890));
    });
    let report = serde_json::to_value(report.expect("a report")).expect("JSON");
    assert_eq!((&report["rewrapped"], &report["failed"]), (&json!(3), &json!(0)));
    assert!(report["next"]["after"].as_str().is_some_and(|id| id.starts_with("cred_")), "{report}");
    let report = rotation.run(command(report["next"].clone()), None).await.expect("the rest");
    assert_eq!((report.rewrapped, report.next.is_none()), (2, true), "none twice");
}

#[tokio::test]
async fn two_runs_at_once_do_each_credential_once() {
    let mut app = App::start().await;
    let (one, other) = (app.rotation(&[]).await, app.rotation(&[]).await);
    let fresh = || command(json!({"action": "data_keys"}));
    let (one, other) = tokio::join!(one.run(fresh(), None), other.run(fresh(), None));
    let (one, other) = (one.expect("a rotation"), other.expect("a rotation"));
    assert_eq!((one.rewrapped + other.rewrapped, one.failed + other.failed), (5, 0));
    app.restart().await;
    expect_all_open(&app, "after both").await;
}

#[tokio::test]
async fn a_command_that_cannot_be_meant_is_refused() {
    let app = App::start().await;
    for (wrong, why) in [
        (json!({"action": "destroy"}), "no such action"),
        (json!({"source": "aws.events", "detail-type": "Scheduled Event"}), "a schedule without an input of ours"),
        (json!({"sealed_before": "yesterday"}), "no time"),
    ] {
        assert!(serde_json::from_value::<Command>(wrong).is_err(), "{why}");
    }
    let wrong = command(json!({"after": "key_01890000000070008000000000000001"}));
    assert!(app.rotation(&[]).await.run(wrong, None).await.is_err(), "an id of another kind");
}
