//! Similar prompts: compared in the shadow of the provider's answers, served once that was right often enough, and looked after.

use super::{ask, said, start_with};
use serde_json::{Value, json};
use std::sync::LazyLock;
use supergate_tests::{app::App, logs::Logs, similar};

static FILE: LazyLock<String> =
    LazyLock::new(|| std::env::var("SUPERGATE_TEST_EMBEDDER").expect("SUPERGATE_TEST_EMBEDDER: `make test` sets it"));

/// Two prompts that ask the same in other words.
static PAIR: LazyLock<(String, String)> = LazyLock::new(|| similar::pair(&FILE));

/// The same answer to every prompt: the mock gives an instance of the schema, and echoes nothing.
pub(super) fn alike(text: &str) -> Value {
    let mut body = ask(text);
    let schema = json!({"type": "object", "properties": {"answer": {"type": "boolean"}}, "required": ["answer"], "additionalProperties": false});
    body["response_format"] =
        json!({"type": "json_schema", "json_schema": {"name": "answer", "strict": true, "schema": schema}});
    body
}

async fn start() -> App {
    start_with(&[("SUPERGATE_EMBEDDER_FILE", &FILE)]).await
}

async fn restart(app: &mut App) {
    app.restart_with(&[("SUPERGATE_CACHE", "on"), ("SUPERGATE_EMBEDDER_FILE", &FILE)]).await;
    // The embedder is loaded after the first response that could be of use for it.
    app.chat(&ask("Which river is the longest in all of Europe?")).await;
}

/// The tenant's record: what similar prompts get, and what was compared.
async fn record(app: &App) -> Option<(String, i32, i32)> {
    let rows = app.database.superuser().await.query("select mode, compared, wrong from cache_trust", &[]).await;
    rows.expect("the record").first().map(|row| (row.get(0), row.get(1), row.get(2)))
}

async fn trust(app: &App, mode: &str, compared: i32, wrong: i32) {
    let set = "insert into cache_trust (tenant_id, mode, compared, wrong, since) \
               select id, $1, $2, $3, now() from tenants where name = 'test' \
               on conflict (tenant_id) do update set mode = $1, compared = $2, wrong = $3";
    app.database.superuser().await.execute(set, &[&mode, &compared, &wrong]).await.expect("set");
}

#[tokio::test]
async fn in_shadow_what_would_have_been_served_is_compared_and_not_served() {
    let mut app = start().await;
    restart(&mut app).await;
    let (one, other) = &*PAIR;
    assert_eq!(said(&app.chat(&ask(one)).await), "MISS");
    assert_eq!(record(&app).await, None, "nothing to compare with");
    assert_eq!(said(&app.chat(&ask(other)).await), "MISS", "{one:?} is not served for {other:?}");
    assert_eq!(record(&app).await, Some(("shadow".into(), 1, 1)), "the mock repeats the prompt, so they differ");
    assert_eq!(said(&app.chat(&alike(one)).await), "MISS");
    assert_eq!(said(&app.chat(&alike(other)).await), "MISS");
    assert_eq!(record(&app).await, Some(("shadow".into(), 2, 1)), "the same answer");
    let reasons: Vec<String> = app
        .database
        .superuser()
        .await
        .query_one("select reasons from cache_errors", &[])
        .await
        .expect("the one that was wrong")
        .get(0);
    assert!(!reasons.is_empty());
}

#[tokio::test]
async fn after_enough_that_was_right_a_similar_prompt_is_served_and_audits_can_end_it() {
    let mut app = start().await;
    trust(&app, "shadow", 298, 0).await;
    restart(&mut app).await;
    let (one, other) = &*PAIR;
    assert_eq!(said(&app.chat(&alike(one)).await), "MISS");
    let logs = Logs::capture();
    assert_eq!(said(&app.chat(&alike(other)).await), "MISS");
    assert_eq!(record(&app).await.map(|record| record.0).as_deref(), Some("serving"), "299 without an error");
    assert!(logs.text().contains("cache.trusted"), "{}", logs.text());
    assert_eq!(said(&app.chat(&ask(one)).await), "MISS", "in a namespace of its own");
    // The key is remembered for half a minute, and what was known of its tenant with it.
    restart(&mut app).await;
    trust(&app, "serving", 3, 3).await;
    let (mut served, mut audited) = (0, 0);
    for _ in 0..400 {
        let answer = app.chat(&ask(other)).await;
        if said(&answer) == "SEMANTIC-HIT" {
            let similarity: f32 = answer.header("x-supergate-cache-similarity").parse().expect("a similarity");
            assert!((0.95..=1.0).contains(&similarity), "{similarity}");
            assert_eq!(answer.header("x-supergate-cache-tier"), "semantic");
            served += 1;
            continue;
        }
        assert_eq!(said(&answer), "MISS", "the provider is asked to compare");
        if served == 0 {
            // The very first was audited, as one in twenty is.
            restart(&mut app).await;
            trust(&app, "serving", 3, 3).await;
            continue;
        }
        audited += 1;
        break;
    }
    assert_eq!(audited, 1, "one in twenty");
    assert_eq!(record(&app).await, Some(("shadow".into(), 0, 0)), "one wrong too many, and it begins anew");
    let rows = app.usage_events().await;
    let last = rows.last().expect("a row");
    assert_eq!(last["cache"], "audit");
    assert!(last["cost_nanos"].as_i64().expect("a cost") > 0);
    assert!(
        rows.iter().any(|row| row["cache"] == "semantic_hit"
            && row["cost_nanos"] == 0
            && row["saved_nanos"].as_i64() > Some(0))
    );
}
