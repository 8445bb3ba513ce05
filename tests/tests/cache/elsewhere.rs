//! A provider's model makes the vectors: with the tenant's own key, booked, and never in anybody's way.

use super::{ask, said, say, semantic::alike, start, start_with};
use http::Method;
use serde_json::{Value, json};
use std::{net::TcpListener, sync::LazyLock, time::Duration};
use supergate_tests::{
    app::{Answer, App, provider_key},
    mock::embeddings::number,
    similar,
};

const MODEL: &str = "openai/text-embedding-3-small";

/// The mock's cosine of two texts.
fn cosine(a: &str, b: &str) -> f64 {
    let vector = |text: &str| (0..8).map(|at| f64::from(number(text, at))).collect::<Vec<_>>();
    let dot = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let (a, b) = (vector(a), vector(b));
    dot(&a, &b) / (dot(&a, &a) * dot(&b, &b)).sqrt()
}

/// Two prompts that ask the same in other words, and that the mock's model has near each other.
static PAIR: LazyLock<(String, String)> = LazyLock::new(|| similar::pair_where(|a, b| cosine(a, b) > 0.8));

async fn set(app: &App, body: Value) -> Answer {
    let answer = app.call(Method::PATCH, "/v1/cache/settings", &app.api_key, &body).await;
    // Whoever is known is known anew.
    app.clock.advance(Duration::from_secs(31));
    answer
}

async fn store_key(app: &App, provider: &str) {
    let body = json!({"provider": provider, "api_key": provider_key(provider)});
    let stored = app.call(Method::POST, "/v1/tenant/keys", &app.api_key, &body).await;
    assert_eq!(stored.status, 201, "{}", stored.text());
}

async fn trust(app: &App, mode: &str) {
    let set = "insert into cache_trust (tenant_id, mode, since) select id, $1, now() from tenants where name = 'test' \
               on conflict (tenant_id) do update set mode = $1, compared = 0, wrong = 0";
    app.database.superuser().await.execute(set, &[&mode]).await.expect("set");
    app.clock.advance(Duration::from_secs(31));
}

async fn number_of(app: &App, sql: &str) -> i64 {
    app.database.superuser().await.query_one(sql, &[]).await.expect(sql).get(0)
}

/// The ledger's rows of vectors.
async fn embedded(app: &App) -> Vec<Value> {
    app.usage_events().await.into_iter().filter(|row| row["cache"] == "embedding").collect()
}

#[tokio::test]
async fn a_providers_vectors_are_kept_compared_served_and_paid_for() {
    let app = start().await;
    store_key(&app, "openai").await;
    let answer = set(&app, json!({"embedder": MODEL, "embedder_threshold": 0.75})).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let (one, other) = &*PAIR;
    assert_eq!(said(&app.chat(&ask(one)).await), "MISS");
    assert_eq!(number_of(&app, "select count(*) from cache_vectors where vector_dims(embedding) = 8").await, 1);
    let rows = app.usage_events().await;
    let [chat, vector] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!((&chat["cache"], &chat["attempt"], &vector["attempt"]), (&json!("miss"), &json!(1), &json!(2)));
    assert_eq!(chat["request_id"], vector["request_id"], "one request");
    assert_eq!((&vector["cache"], &vector["model"]), (&json!("embedding"), &json!("text-embedding-3-small")));
    assert!(vector["cost_nanos"].as_i64() > Some(0) && vector["usage_source"] == "provider", "{vector}");

    assert_eq!(said(&app.chat(&ask(other)).await), "MISS", "in shadow nothing is served");
    assert_eq!(number_of(&app, "select compared::bigint from cache_trust").await, 1, "and what would be is compared");
    assert_eq!(said(&app.chat(&ask("what is this about")).await), "MISS");
    let tools = json!([{"type": "function", "function": {"name": "look", "parameters": {"type": "object"}}}]);
    let mut never = ask("How do plants make food from sunlight?");
    never["tools"] = tools;
    assert_eq!(said(&app.chat(&never).await), "BYPASS");
    assert_eq!(said(&app.chat(&ask(one)).await), "HIT");
    assert_eq!(embedded(&app).await.len(), 2, "no vector where it cannot be of use, or is not needed");

    trust(&app, "serving").await;
    let mut hit = None;
    for part in ["a", "b", "c", "d"] {
        let part = [("x-supergate-cache-namespace", part)];
        assert_eq!(said(&say(&app, &alike(one), &part).await), "MISS");
        let answer = say(&app, &alike(other), &part).await;
        // One in twenty is audited.
        if said(&answer) == "SEMANTIC-HIT" {
            hit = Some(answer);
            break;
        }
    }
    let hit = hit.expect("a hit");
    let similarity: f64 = hit.header("x-supergate-cache-similarity").parse().expect("a similarity");
    assert!((similarity - cosine(one, other)).abs() < 0.002, "{similarity}");
    let rows = app.usage_events().await;
    let [.., row, vector] = rows.as_slice() else { panic!("{rows:?}") };
    assert_eq!(
        (&row["cache"], &row["cost_nanos"], &vector["cache"]),
        (&json!("semantic_hit"), &json!(0), &json!("embedding"))
    );
    let spent = vector["cost_nanos"].as_i64().expect("a cost");
    assert_eq!(hit.header("x-supergate-cost-usd"), format!("0.{spent:09}"), "what the vector cost");

    let spent: i64 = embedded(&app).await.iter().map(|row| row["cost_nanos"].as_i64().expect("a cost")).sum();
    for swept in [false, true] {
        if swept {
            app.sweeper(&[]).await.run(supergate::gateway::sweeper::Command::default(), None).await.expect("added up");
        }
        let savings = app.get("/v1/cache/stats").await.json()["savings"].clone();
        let nanos = |name: &str| (savings[name].as_f64().expect(name) * 1e9).round();
        assert_eq!(nanos("embeddings_usd"), spent as f64, "added up: {swept}: {savings}");
        assert_eq!(nanos("net_usd"), nanos("saved_usd") - nanos("audits_usd") - nanos("embeddings_usd"), "{savings}");
    }
}

#[tokio::test]
async fn a_provider_that_hangs_or_is_away_costs_no_answer_and_is_left_alone_for_a_while() {
    let hangs = TcpListener::bind("127.0.0.1:0").expect("a port");
    let (port, gone) =
        (hangs.local_addr().expect("an address").port(), TcpListener::bind("127.0.0.1:0").expect("a port"));
    let away = gone.local_addr().expect("an address").port();
    drop(gone);
    for (port, status, why) in [(port, 504, "hangs"), (away, 502, "is away")] {
        let url = format!("http://127.0.0.1:{port}");
        let app = start_with(&[("SUPERGATE_COHERE_URL", &url)]).await;
        store_key(&app, "cohere").await;
        let set = set(&app, json!({"embedder": "cohere/embed-v4.0", "embedder_threshold": 0.9})).await;
        assert_eq!(set.status, 200, "{}", set.text());
        for (asked, prompt) in ["rivers", "lakes", "oceans", "deserts"].into_iter().enumerate() {
            let prompt = ask(&format!("Which animals live in the {prompt} of Africa?"));
            assert_eq!(said(&app.chat(&prompt).await), "MISS", "{why}");
            assert_eq!(said(&app.chat(&prompt).await), "HIT", "{why}: the other tiers go on");
            assert_eq!(embedded(&app).await.len(), 3.min(asked + 1), "{why}: after three it is left alone");
        }
        assert!(embedded(&app).await.iter().all(|row| row["status"] == status), "{why}: {:?}", embedded(&app).await);
        assert_eq!(number_of(&app, "select count(*) from cache_vectors").await, 0, "{why}");
        app.clock.advance(Duration::from_secs(6));
        assert_eq!(said(&app.chat(&ask("Which animals live in the forests of Africa?")).await), "MISS", "{why}");
        assert_eq!(embedded(&app).await.len(), 4, "{why}: and asked again");
    }
    drop(hangs);
}

#[tokio::test]
async fn without_a_key_of_the_tenants_own_there_is_no_vector_and_the_other_tiers_go_on() {
    let app = start().await;
    store_key(&app, "openai").await;
    assert_eq!(set(&app, json!({"embedder": MODEL, "embedder_threshold": 0.9})).await.status, 200);
    let deleted = app.call(Method::DELETE, "/v1/tenant/keys/openai", &app.api_key, &Value::Null).await;
    assert_eq!(deleted.status, 204, "{}", deleted.text());
    app.clock.advance(Duration::from_secs(31));
    let prompt = ask("Which animals live in the rivers of Africa?");
    assert_eq!(said(&app.chat(&prompt).await), "MISS");
    assert_eq!(said(&app.chat(&prompt).await), "HIT");
    assert!(embedded(&app).await.is_empty(), "the platform does not pay for it");
}

#[tokio::test]
async fn vectors_of_two_models_never_meet() {
    let app = start().await;
    store_key(&app, "openai").await;
    let prompt = ask(&PAIR.0);
    assert_eq!(said(&app.chat(&prompt).await), "MISS");
    for model in [MODEL, "openai/text-embedding-3-large"] {
        assert_eq!(set(&app, json!({"embedder": model, "embedder_threshold": 0.75})).await.status, 200);
        assert_eq!(said(&app.chat(&prompt).await), "MISS", "{model}: a namespace of its own");
        assert_eq!(said(&app.chat(&prompt).await), "HIT");
    }
    assert_eq!(number_of(&app, "select count(distinct namespace) from cache_entries").await, 3);
    assert_eq!(set(&app, json!({"embedder": null})).await.status, 200);
    assert_eq!(said(&app.chat(&prompt).await), "HIT", "and back");
}

#[tokio::test]
async fn what_cannot_make_vectors_is_refused_by_name() {
    let app = start().await;
    #[rustfmt::skip]
    let table = [
        (json!({"embedder": MODEL, "embedder_threshold": 0.9}),          "`embedder`",           "the tenant has no key of its own"),
        (json!({"embedder": MODEL}),                                     "`embedder_threshold`", "each model has its own"),
        (json!({"embedder_threshold": 0.9}),                             "`embedder_threshold`", "of what?"),
        (json!({"embedder": MODEL, "embedder_threshold": 0.6}),          "`embedder_threshold`", "nothing is near there"),
        (json!({"embedder": "openai/gpt-4o", "embedder_threshold": 0.9}), "`embedder`",          "it makes no vectors"),
        (json!({"embedder": "acme/vectors", "embedder_threshold": 0.9}), "`embedder`",           "nobody knows it"),
        (json!({"embedder": 7, "embedder_threshold": 0.9}),              "`embedder`",           "no name"),
    ];
    for (body, named, why) in table {
        let refused = set(&app, body).await;
        assert_eq!(refused.status, 400, "{why}: {}", refused.text());
        assert!(refused.text().contains(named), "{why}: {}", refused.text());
    }
    let key = app.new_key(&app.api_key, json!({"name": "few", "role": "member"})).await;
    let path = format!("/v1/cache/settings?key_id={}", key["id"].as_str().expect("an id"));
    let body = json!({"embedder": MODEL, "embedder_threshold": 0.9});
    let refused = app.call(Method::PATCH, &path, &app.api_key, &body).await;
    assert_eq!(refused.status, 400);
    assert!(refused.text().contains("is the tenant's"), "{}", refused.text());
}
