//! `/v1/cache`: what it brought, how often it was wrong, what is in it and how far it may go; and what ends by itself.

#[path = "cache_admin/trust.rs"]
mod trust;

use http::Method;
use serde_json::{Value, json};
use supergate::clock::Clock as _;
use supergate_tests::{
    app::{Answer, App},
    cache_rows,
    office::text,
    table,
};
use uuid::Uuid;

async fn call(app: &App, method: Method, path: &str, body: Value) -> Answer {
    app.call(method, path, &app.api_key, &body).await
}

fn uuid_of(tenant: &str) -> Uuid {
    tenant.strip_prefix("ten_").and_then(|id| id.parse().ok()).expect("a tenant's id")
}

async fn plant(app: &App, tenant: &str, changes: Value) -> String {
    cache_rows::plant(&app.database.superuser().await, uuid_of(tenant), &changes).await
}

async fn count(app: &App, table: &str) -> i64 {
    let sql = format!("select count(*) from {table}");
    app.database.superuser().await.query_one(&sql, &[]).await.expect("a count").get(0)
}

fn ids(list: &Answer) -> Vec<String> {
    list.json()["data"].as_array().expect("a list").iter().map(|one| text(&one["id"])).collect()
}

#[tokio::test]
async fn entries_are_listed_by_namespace_and_model_page_by_page_and_without_contents() {
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    let first = plant(&app, &app.tenant_id, json!({"part": "team-a"})).await;
    let second = plant(&app, &app.tenant_id, json!({"part": "team-b", "model": "gpt-4o"})).await;
    let third =
        plant(&app, &app.tenant_id, json!({"model": "gpt-4o", "canonical": null, "canonical_until": null})).await;
    plant(&app, &other.id, json!({"part": "team-a"})).await;

    let all = app.get("/v1/cache").await;
    assert_eq!(ids(&all), [third.as_str(), &second, &first], "newest first, and nobody else's");
    assert!(!all.text().contains("ciphertext") && !all.text().contains("nonce"));
    let page = app.get("/v1/cache?limit=2").await.json();
    let next = app.get(&format!("/v1/cache?limit=2&cursor={}", text(&page["next_cursor"]))).await;
    assert_eq!((ids(&next), &next.json()["next_cursor"]), (vec![first.clone()], &Value::Null));
    let shown = app.get(&format!("/v1/cache/{third}")).await.json();
    assert_eq!(shown["tiers"], json!(["exact", "semantic"]));
    let hash = text(&shown["namespace_id"]);
    for (filter, expected) in [
        ("namespace=team-a", vec![&first]),
        ("model=gpt-4o", vec![&third, &second]),
        ("model=openai/gpt-4o&namespace=team-b", vec![&second]),
        ("model=mistral/gpt-4o", vec![]),
        (format!("namespace={hash}").as_str(), vec![&third]),
    ] {
        let found = app.get(&format!("/v1/cache?{filter}")).await;
        assert_eq!(ids(&found).iter().collect::<Vec<_>>(), expected, "{filter}");
    }
    let wrong = app.get("/v1/cache?namespace=a%20b&model=").await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("namespace") && wrong.text().contains("model"), "both at once: {}", wrong.text());
}

#[tokio::test]
async fn what_is_deleted_by_id_by_namespace_by_model_or_all_is_the_own_and_no_more() {
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    let mut own = Vec::new();
    for changes in [json!({}), json!({"part": "a"}), json!({"part": "a"}), json!({"model": "gpt-4o"}), json!({})] {
        own.push(plant(&app, &app.tenant_id, changes).await);
    }
    let theirs = plant(&app, &other.id, json!({"part": "a", "model": "gpt-4o"})).await;
    let path = format!("/v1/cache/{}", own[0]);
    assert_eq!(call(&app, Method::DELETE, &path, Value::Null).await.status, 204);
    assert_eq!(call(&app, Method::DELETE, &path, Value::Null).await.status, 404, "it is gone");
    for foreign in [format!("/v1/cache/{theirs}"), "/v1/cache/che_x".into()] {
        assert_eq!(call(&app, Method::DELETE, &foreign, Value::Null).await.status, 404);
        assert_eq!(app.get(&foreign).await.status, 404);
        assert_eq!(call(&app, Method::POST, &format!("{foreign}/report"), Value::Null).await.status, 404);
    }
    for (filter, deleted) in [("?namespace=a", 2), ("?model=openai/gpt-4o", 1), ("", 1), ("", 0)] {
        let answer = call(&app, Method::DELETE, &format!("/v1/cache{filter}"), Value::Null).await;
        assert_eq!((answer.status.as_u16(), answer.json()), (200, json!({"deleted": deleted})), "{filter}");
    }
    assert_eq!(
        (count(&app, "cache_entries").await, count(&app, "cache_vectors").await),
        (1, 1),
        "the other's is there"
    );
    let audit: Vec<String> = app.audit(&app.api_key).await.iter().map(|one| text(&one["action"])).collect();
    assert_eq!(audit.iter().filter(|action| action.as_str() == "cache.empty").count(), 4, "{audit:?}");
    assert!(audit.iter().any(|action| action == "cache.delete"), "{audit:?}");
}

#[tokio::test]
async fn settings_hold_for_the_tenant_and_a_key_takes_away_from_them() {
    let app = App::start().await;
    let path = "/v1/cache/settings";
    let default = app.get(path).await.json();
    assert_eq!((&default["settings"]["tier"], &default["effective"]["tier"]), (&Value::Null, &json!("semantic")));
    let body = json!({"tier": "canonical", "threshold": 0.97, "sharing": "tenant", "error_limit": 0.02});
    let set = call(&app, Method::PATCH, path, body).await;
    assert_eq!(set.status, 200, "{}", set.text());
    assert_eq!(set.json()["effective"]["threshold"], 0.97, "as it was written");
    assert_eq!(set.json()["effective"]["error_limit"], 0.02);

    let key = app.call(Method::POST, "/v1/keys", &app.api_key, &json!({"name": "k", "role": "member"})).await.json();
    let of_key = format!("{path}?key_id={}", text(&key["id"]));
    let narrowed = call(&app, Method::PATCH, &of_key, json!({"tier": "semantic", "sharing": "key"})).await.json();
    assert_eq!(
        (&narrowed["effective"]["tier"], &narrowed["effective"]["sharing"]),
        (&json!("canonical"), &json!("key"))
    );
    let wrong =
        call(&app, Method::PATCH, &of_key, json!({"error_limit": 0.02, "threshold": 0.5, "colour": "red"})).await;
    assert_eq!(wrong.status, 400);
    for named in ["error_limit", "threshold", "colour"] {
        assert!(wrong.text().contains(named), "all faults at once: {}", wrong.text());
    }
    let room = call(&app, Method::PATCH, path, json!({"most_bytes": 1000})).await;
    assert_eq!(room.status, 400, "how much room there is costs the deployment: {}", room.text());
    let theirs = format!("{path}?tenant_id={}", app.tenant_id);
    let room = app.call(Method::PATCH, &theirs, &app.operator_key, &json!({"most_bytes": 1000})).await;
    assert_eq!((room.status.as_u16(), &room.json()["effective"]["most_bytes"]), (200, &json!(1000)));

    assert_eq!(call(&app, Method::DELETE, path, Value::Null).await.status, 204);
    let reset = app.get(path).await.json();
    assert_eq!((&reset["effective"]["tier"], &reset["effective"]["most_bytes"]), (&json!("semantic"), &json!(1000)));
    let off = json!({"settings": {"cache_prompts": false}});
    assert_eq!(call(&app, Method::PATCH, "/v1/tenant", off).await.status, 200);
    assert_eq!(app.get(path).await.json()["effective"]["tier"], "off", "no prompt may be kept");
}

#[tokio::test]
async fn statistics_add_up_hits_by_tier_and_savings_before_and_after_the_sums_are_made() {
    let app = App::start().await;
    app.unbilled("the rows are written by hand");
    let rows = [
        ("hit", 100, 1000),
        ("hit", 100, 500),
        ("canonical_hit", 50, 10),
        ("semantic_hit", 30, 0),
        ("miss", 0, 0),
        ("bypass", 0, 0),
    ];
    let now = app.clock.since_epoch();
    let insert = async |cache: &str, saved: i64, saved_ms: i64, attempt: i64| {
        let request = supergate::tenancy::RequestId::generate(now);
        let cost = match cache {
            "audit" => 40_000_000,
            "embedding" => 10_000_000,
            _ => 0,
        };
        let sql = format!(
            "insert into usage_events (tenant_id, request_id, attempt, created_at, key_id, provider, model_requested, model, streamed, status, ended,
             input_tokens, output_tokens, usage_source, cost_nanos, cache, saved_nanos, saved_ms, latency_ms)
             select '{}', '{}', {attempt}, now(), id, 'openai', 'm', 'm', false, 200, 'complete', 1, 1, 'provider', {cost}, '{cache}', {}, {saved_ms}, 1
             from api_keys where tenant_id = '{}' limit 1",
            uuid_of(&app.tenant_id),
            request.as_uuid(),
            saved * 1_000_000,
            uuid_of(&app.tenant_id),
        );
        app.database.superuser().await.batch_execute(&sql).await.expect("a row");
    };
    for (cache, saved, saved_ms) in rows {
        insert(cache, saved, saved_ms, 1).await;
    }
    insert("audit", 0, 0, 2).await;
    insert("embedding", 0, 0, 2).await;
    let expected = json!({"exact": 2, "canonical": 1, "semantic": 1, "total": 4});
    let check = async |when: &str| {
        let stats = app.get("/v1/cache/stats?period=7d").await.json();
        assert_eq!((&stats["hits"], &stats["misses"], &stats["bypasses"]), (&expected, &json!(1), &json!(1)), "{when}");
        assert_eq!(stats["hit_rate"], 0.8, "{when}");
        let savings = json!({
            "saved_usd": 0.28, "audits": 1, "audits_usd": 0.04, "embeddings_usd": 0.01, "net_usd": 0.23, "latency_ms": 1510,
        });
        assert_eq!(stats["savings"], savings, "{when}");
        for (period, steps) in [("24h", 24), ("7d", 7), ("30d", 30)] {
            let series = app.get(&format!("/v1/cache/timeseries?period={period}")).await.json();
            let data = series["data"].as_array().expect("steps");
            let total: i64 = data.iter().map(|step| step["hits"]["total"].as_i64().expect("a count")).sum();
            assert_eq!((data.len(), total), (steps, 4), "{when}: every step is there");
        }
    };
    check("before").await;
    let sweeper = app.sweeper(&[("SUPERGATE_TABLE", &table::own().await)]).await;
    let command = serde_json::from_value(json!({"action": "tidy"})).expect("a command");
    assert_eq!(sweeper.run(command, None).await.expect("swept").added_up, 8);
    check("after").await;
    assert_eq!(app.get("/v1/cache/stats?period=1y").await.status, 400);
}

#[tokio::test]
async fn what_has_expired_is_ended_by_the_sweeper_and_nothing_else() {
    let app = App::start().await;
    let other = app.other_tenant("other").await;
    let past = "2026-01-02T00:00:00Z";
    let expired = json!({"exact_until": past, "canonical_until": past, "similar_until": past, "expires_at": past});
    for tenant in [&app.tenant_id, &other.id] {
        plant(&app, tenant, expired.clone()).await;
        plant(&app, tenant, json!({})).await;
        let sql = format!(
            "insert into cache_errors (tenant_id, id, at, expires_at, entry_id, kind, reasons) values
             ('{0}', gen_random_uuid(), now(), '{past}', gen_random_uuid(), 'audit', '{{}}'),
             ('{0}', gen_random_uuid(), now(), now() + interval '90 days', gen_random_uuid(), 'audit', '{{}}')",
            uuid_of(tenant)
        );
        app.database.superuser().await.batch_execute(&sql).await.expect("two errors");
    }
    let sweeper = app.sweeper(&[("SUPERGATE_TABLE", &table::own().await)]).await;
    let command = serde_json::from_value(json!({"action": "tidy"})).expect("a command");
    let report = sweeper.run(command, None).await.expect("swept");
    assert_eq!((report.expired, report.failed), (4, 0), "two entries and two errors");
    for table in ["cache_entries", "cache_vectors", "cache_errors"] {
        assert_eq!(count(&app, table).await, 2, "{table}");
    }
}
