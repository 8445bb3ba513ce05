//! A row that somebody changed or moved does not open, raises the alarm, and is never passed over.

use super::*;
use std::time::Duration;

const ALARM: &str = "provider_credential_unreadable";
/// After which nothing is remembered.
const FORGET: Duration = Duration::from_secs(301);

/// Sends a chat with a changed row and sees that nobody is called.
async fn expect_unreadable(app: &App, logs: &Logs, caller: &str, model: &str, why: &str) {
    app.clock.advance(FORGET);
    let (calls, alarms) = (app.mock.requests().len(), logs.alarms(ALARM).len());
    let answer = app.call(Method::POST, "/v1/chat/completions", caller, &ask(model, "hello")).await;
    assert_eq!(refusal(&answer), (424, ALARM.into()), "{why}");
    assert_eq!(app.mock.requests().len(), calls, "{why}: the platform's key is not used in its place");
    let alarms = logs.alarms(ALARM).split_off(alarms);
    assert_eq!(alarms.len(), 1, "{why}: {alarms:?}");
    let alarm = &alarms[0];
    assert!(
        alarm["tenant.id"].is_string() && alarm["credential.id"].is_string() && alarm["level"] == "ERROR",
        "{alarm}"
    );
}

#[tokio::test]
async fn a_row_that_is_moved_does_not_open() {
    let logs = Logs::errors();
    let app = App::start().await;
    let tenant = uuid_of(&json!(app.tenant_id));
    let (other, other_key) = another_tenant(&app).await;
    let id = uuid_of(&bring(&app, &app.api_key, "openai", "mine").await["id"]);
    let row = format!("where id = '{id}'");
    #[rustfmt::skip]
    let table = [
        (format!("tenant_id = '{other}'"),                          &other_key,   MODELS[0], "to another tenant"),
        ("tenant_id = app.platform_tenant(), provider = 'acme'".into(), &app.api_key, "", "to the platform"),
        ("provider = 'mistral'".into(),                             &app.api_key, MODELS[4], "to another provider"),
        ("envelope_version = 2".into(),                             &app.api_key, MODELS[0], "to another version"),
    ];
    for (change, caller, model, why) in table {
        let back = format!(
            "update provider_credentials set tenant_id = '{tenant}', provider = 'openai', envelope_version = 1 {row}"
        );
        sql(&app, &format!("update provider_credentials set {change} {row}")).await;
        if !model.is_empty() {
            expect_unreadable(&app, &logs, caller, model, why).await;
        }
        sql(&app, &back).await;
        app.clock.advance(FORGET);
        assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200, "{why}: and back it opens");
    }
    let another = "01890000-0000-7000-8000-000000000001";
    sql(&app, &format!("update provider_credentials set id = '{another}' {row}")).await;
    expect_unreadable(&app, &logs, &app.api_key, MODELS[0], "to another credential").await;
}

#[tokio::test]
async fn a_platform_row_that_became_a_tenants_does_not_open() {
    let logs = Logs::errors();
    let app = App::start().await;
    let tenant = uuid_of(&json!(app.tenant_id));
    sql(&app, &format!("update provider_credentials set tenant_id = '{tenant}' where provider = 'openai'")).await;
    expect_unreadable(&app, &logs, &app.api_key, MODELS[0], "the platform's, taken over").await;
}

#[tokio::test]
async fn the_parts_of_two_envelopes_of_one_tenant_make_none() {
    let logs = Logs::errors();
    let app = App::start().await;
    bring(&app, &app.api_key, "openai", "mine").await;
    bring(&app, &app.api_key, "mistral", "also").await;
    for (columns, why) in [
        ("wrapped_key = b.wrapped_key", "another's data key"),
        ("nonce = b.nonce, ciphertext = b.ciphertext", "another's secret"),
        ("wrapped_key = b.wrapped_key, nonce = b.nonce, ciphertext = b.ciphertext", "all of another's"),
    ] {
        let tenant = uuid_of(&json!(app.tenant_id));
        let swap = format!(
            "update provider_credentials a set {columns} from provider_credentials b \
             where a.tenant_id = '{tenant}' and b.tenant_id = a.tenant_id and a.provider = 'openai' and b.provider = 'mistral'"
        );
        sql(&app, &swap).await;
        expect_unreadable(&app, &logs, &app.api_key, MODELS[0], why).await;
        bring(&app, &app.api_key, "openai", "mine").await;
    }
}

#[tokio::test]
async fn every_byte_counts() {
    let logs = Logs::errors();
    let app = App::start().await;
    let id = uuid_of(&bring(&app, &app.api_key, "openai", "mine").await["id"]);
    let client = app.database.superuser().await;
    let mut changed = 0;
    for column in ["nonce", "ciphertext", "wrapped_key"] {
        let length =
            count(&app, &format!("select length({column})::bigint from provider_credentials where id = '{id}'")).await;
        // moto's wrapped key begins with the id of the KMS key; a change there names another key.
        for at in 0..length {
            let flip = format!(
                "update provider_credentials set {column} = set_byte({column}, {at}, get_byte({column}, {at}) # 1) where id = '{id}'"
            );
            client.batch_execute(&flip).await.expect("a change");
            expect_unreadable(&app, &logs, &app.api_key, MODELS[0], &format!("byte {at} of {column}")).await;
            client.batch_execute(&flip).await.expect("the change undone");
            changed += 1;
        }
    }
    assert!(changed > 100, "only {changed} bytes were changed");
    app.clock.advance(FORGET);
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200, "as it was, it opens");
}

#[tokio::test]
async fn who_stores_cannot_read_and_who_serves_cannot_write() {
    let app = App::start().await;
    #[rustfmt::skip]
    let table = [
        ("supergate_office",   "select last_four from provider_credentials",                    true,  "it lists"),
        ("supergate_office",   "select ciphertext from provider_credentials",                   false, "it cannot read what it stored"),
        ("supergate_office",   "select wrapped_key from provider_credentials",                  false, "nor the data key"),
        ("supergate_office",   "update provider_credentials set ciphertext = ciphertext",       false, "it replaces a whole row"),
        ("supergate_app",      "select ciphertext, wrapped_key, nonce from provider_credentials", true, "it opens them"),
        ("supergate_app",      "update provider_credentials set last_used_at = now()",          true,  "it notes their use"),
        ("supergate_app",      "update provider_credentials set ciphertext = ciphertext",       false, "it cannot change them"),
        ("supergate_app",      "delete from provider_credentials",                              false, "nor remove them"),
        ("supergate_rotation", "update provider_credentials set sealed_at = now() where ciphertext is null", true, "it seals anew"),
        ("supergate_rotation", "update provider_credentials set tenant_id = tenant_id",         false, "it moves nothing"),
        ("supergate_rotation", "delete from provider_credentials",                              false, "nor removes it"),
        ("supergate_people",   "select last_four from provider_credentials",                    false, "accounts have no business with it"),
    ];
    for (role, statement, allowed, why) in table {
        let client = supergate_tests::postgres::connect(&app.database.url(role)).await;
        let platform = "select app.set_tenant('00000000-0000-7000-8000-000000000000')";
        client.batch_execute(&format!("begin; {platform};")).await.expect("a transaction");
        let done = client.batch_execute(statement).await;
        let code = done.as_ref().err().and_then(|error| error.code()).map(|code| code.code().to_owned());
        assert_eq!(code.as_deref(), (!allowed).then_some("42501"), "{role}: {statement}: {why}");
    }
}

#[tokio::test]
async fn what_was_opened_for_one_provider_is_not_remembered_for_another() {
    let logs = Logs::errors();
    let app = App::start().await;
    let id = uuid_of(&bring(&app, &app.api_key, "openai", "mine").await["id"]);
    assert_eq!(app.chat(&ask(MODELS[0], "hello")).await.status, 200, "now it is in memory");
    sql(&app, &format!("update provider_credentials set provider = 'mistral' where id = '{id}'")).await;
    // The principal is looked up again, the opened key is still remembered.
    app.clock.advance(Duration::from_secs(31));
    let answer = app.chat(&ask(MODELS[4], "hello")).await;
    assert_eq!(refusal(&answer), (424, ALARM.into()), "OpenAI's key does not reach Mistral");
    assert_eq!(logs.alarms(ALARM).len(), 1);
}

#[tokio::test]
async fn many_that_meet_an_unreadable_key_raise_one_alarm() {
    let logs = Logs::errors();
    let app = App::start().await;
    let id = uuid_of(&bring(&app, &app.api_key, "openai", "mine").await["id"]);
    sql(&app, &format!("update provider_credentials set envelope_version = 2 where id = '{id}'")).await;
    assert_eq!(app.get("/v1/models").await.status, 200, "who calls is known");
    let body = ask(MODELS[0], "hello");
    let answers = futures_util::future::join_all((0..20).map(|_| app.chat(&body))).await;
    assert!(answers.iter().all(|answer| refusal(answer) == (424, ALARM.into())));
    assert_eq!(logs.alarms(ALARM).len(), 1, "who waited was told what the one who looked had found");
}
