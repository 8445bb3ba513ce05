//! What goes wrong with the cache is a miss: nobody waits for it, and nobody gets what is not theirs.

use super::{ask, said, start, start_with};
use supergate_tests::logs::Logs;

#[tokio::test]
async fn a_row_that_was_changed_is_a_miss_an_alarm_and_gone() {
    let app = start().await;
    let superuser = app.database.superuser().await;
    #[rustfmt::skip]
    let table = [
        ("update cache_entries set ciphertext = set_byte(ciphertext, 20, get_byte(ciphertext, 20) # 1)", "a bit of the answer"),
        ("update cache_entries set cost_nanos = cost_nanos + 1",                                          "what it cost"),
        ("update cache_entries set model = 'another'",                                                    "which model answered"),
        ("update cache_entries set exact_until = exact_until + interval '1 day', expires_at = expires_at + interval '1 day'", "for how long"),
    ];
    for (change, why) in table {
        assert_eq!(said(&app.chat(&ask("hello")).await), "MISS", "{why}");
        assert_eq!(said(&app.chat(&ask("hello")).await), "HIT", "{why}");
        let id: uuid::Uuid = superuser.query_one("select id from cache_entries", &[]).await.expect("an entry").get(0);
        superuser.batch_execute(change).await.expect(why);
        let logs = Logs::errors();
        assert_eq!(said(&app.chat(&ask("hello")).await), "MISS", "{why}");
        assert_eq!(logs.alarms("cache_entry_poisoned").len(), 1, "{why}: {}", logs.text());
        let left = superuser.query("select from cache_entries where id = $1", &[&id]).await.expect("a look");
        assert!(left.is_empty(), "{why}: the row is gone");
        assert_eq!(said(&app.chat(&ask("hello")).await), "HIT", "{why}: and another is in its place");
        superuser.batch_execute("delete from cache_entries").await.expect(why);
    }
}

#[tokio::test]
async fn while_the_database_is_away_a_caller_who_is_known_is_answered_by_the_provider() {
    let app = start().await;
    app.unbilled("a row waits in DynamoDB");
    assert_eq!(said(&app.chat(&ask("hello")).await), "MISS");
    app.database.go_away().await;
    assert_eq!(said(&app.chat(&ask("hello")).await), "BYPASS");
    assert_eq!(app.mock.requests().len(), 2);
    app.database.come_back().await;
    assert_eq!(said(&app.chat(&ask("hello")).await), "HIT", "and as before afterwards");
}

#[tokio::test]
async fn nobody_waits_for_a_database_that_is_slow() {
    let app = start_with(&[("SUPERGATE_CACHE_TIMEOUT_MS", "50")]).await;
    app.chat(&ask("hello")).await;
    // Whoever looks waits for the lock, and not for longer than the cache's patience.
    let mut locker = app.database.superuser().await;
    let lock = locker.transaction().await.expect("a transaction");
    lock.batch_execute("lock table cache_vectors, cache_entries in access exclusive mode").await.expect("a lock");
    let (response, after) = app.begin(app.chat_request(ask("hello").to_string())).await;
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["x-supergate-cache"], "BYPASS");
    lock.rollback().await.expect("unlocked");
    after.run().await;
    let rows = app.usage_events().await;
    assert_eq!(rows[1]["cache"], "bypass");
}

#[tokio::test]
async fn without_kms_there_is_an_answer_and_no_cache() {
    let mut app = start().await;
    assert_eq!(said(&app.chat(&ask("hello")).await), "MISS");
    app.restart_with(&[("SUPERGATE_CACHE", "on")]).await;
    // The provider's key is opened and remembered before KMS is away, the cache's is not.
    let mut other = ask("something else");
    other["tools"] =
        serde_json::json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    assert_eq!(said(&app.chat(&other).await), "BYPASS");
    let superuser = app.database.superuser().await;
    superuser
        .batch_execute("update cache_keys set wrapped_key = set_byte(wrapped_key, 30, get_byte(wrapped_key, 30) # 1)")
        .await
        .expect("changed");
    assert_eq!(said(&app.chat(&ask("hello")).await), "MISS", "what KMS does not unwrap is nobody's");
    assert_eq!(said(&app.chat(&ask("hello")).await), "HIT", "and a new key is made");
}

#[tokio::test]
async fn a_model_file_that_is_missing_leaves_the_other_tiers() {
    let app = start_with(&[("SUPERGATE_EMBEDDER_FILE", "/nowhere/all-minilm-l6-v2.bin")]).await;
    let logs = Logs::errors();
    let prompt = "How do I boil three eggs in a kettle?";
    assert_eq!(said(&app.chat(&ask(prompt)).await), "MISS");
    assert_eq!(logs.alarms("embedder_unusable").len(), 1, "{}", logs.text());
    assert_eq!(said(&app.chat(&ask(prompt)).await), "HIT");
    assert_eq!(said(&app.chat(&ask("how can I boil 3 eggs in the kettle")).await), "HIT", "the canonical text");
    assert_eq!(logs.alarms("embedder_unusable").len(), 1, "it is not tried again");
}

#[tokio::test]
async fn a_database_that_hangs_is_left_alone_for_some_seconds() {
    let app = start_with(&[("SUPERGATE_CACHE_TIMEOUT_MS", "50")]).await;
    app.chat(&ask("hello")).await;
    let mut locker = app.database.superuser().await;
    let lock = locker.transaction().await.expect("a transaction");
    lock.batch_execute("lock table cache_vectors, cache_entries in access exclusive mode").await.expect("a lock");
    let logs = Logs::capture();
    let mut later = Vec::new();
    for _ in 0..6 {
        let (response, after) = app.begin(app.chat_request(ask("hello").to_string())).await;
        assert_eq!(
            (response.status().as_u16(), &response.headers()["x-supergate-cache"]),
            (200, &"BYPASS".parse().expect("a value"))
        );
        later.push(after);
    }
    let said = |what: &str| logs.text().matches(what).count();
    assert_eq!(said("did not answer in time"), 3, "{}", logs.text());
    assert_eq!(said("is left alone"), 3, "nobody waits for what did not answer three times: {}", logs.text());
    lock.rollback().await.expect("unlocked");
    for after in later {
        after.run().await;
    }
    assert_eq!(super::said(&app.chat(&ask("hello")).await), "BYPASS", "some seconds more");
    app.clock.advance(std::time::Duration::from_secs(6));
    assert_eq!(super::said(&app.chat(&ask("hello")).await), "HIT", "and then as before");
}
