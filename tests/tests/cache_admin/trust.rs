//! When similar prompts are answered: once proven, no more than once told of, and not any longer than it holds.

use super::{call, plant};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate::{
    cache::trust::{Change, Mode},
    config::{DatabaseAuth, DatabaseConfig},
    db::{
        Database,
        cache_trials::{self, Kind, Trial},
    },
    tenancy::{CacheEntryId, TenantId},
};
use supergate_tests::{
    app::{App, provider_key},
    logs::Logs,
};
use uuid::Uuid;

const LIMIT: f64 = 0.01;

fn database(app: &App) -> Database {
    let config = DatabaseConfig {
        url: app.database.app_url(),
        auth: DatabaseAuth::Url,
        connect_timeout: Duration::from_secs(60),
        ca_file: None,
    };
    Database::new(&config, 4).expect("a pool")
}

fn trial(kind: Kind, wrong: bool) -> Trial {
    Trial {
        id: Uuid::now_v7(),
        entry: CacheEntryId::from_uuid(Uuid::now_v7()),
        kind,
        wrong,
        reasons: if wrong { vec!["numbers"] } else { Vec::new() },
        similarity: Some(0.97),
        at: time::OffsetDateTime::now_utc(),
    }
}

#[tokio::test]
async fn of_many_who_compare_at_once_one_is_told_that_it_serves_and_one_that_it_stops() {
    let app = App::start().await;
    let tenant: TenantId = app.tenant_id.parse().expect("an id");
    let db = database(&app);
    for (kind, wrong, times, expected) in [
        (Kind::Shadow, false, 298, None),
        (Kind::Shadow, false, 8, Some(Change::Promoted)),
        (Kind::Audit, true, 4, Some(Change::Demoted)),
    ] {
        let mut told = Vec::new();
        for _ in 0..times / 2 {
            let (one, other) = (trial(kind, wrong), trial(kind, wrong));
            let both = tokio::join!(
                cache_trials::record(&db, tenant, &one, LIMIT),
                cache_trials::record(&db, tenant, &other, LIMIT),
            );
            told.extend([both.0.expect("noted").1, both.1.expect("noted").1].into_iter().flatten());
        }
        assert_eq!(told, expected.into_iter().collect::<Vec<_>>(), "{kind:?}");
    }
    let stats = app.get("/v1/cache/stats").await.json();
    assert_eq!(stats["errors"]["shadow"], json!({"compared": 306, "wrong": 0}));
    assert_eq!((&stats["errors"]["found"], &stats["trust"]["mode"]), (&json!(4), &json!("shadow")));
    assert_eq!(stats["last_errors"][0]["reasons"], json!(["numbers"]));
    let other = app.other_tenant("other").await;
    let others = app.look("/v1/cache/stats", &other.key).await.json();
    assert_eq!((&others["errors"]["found"], &others["trust"]["compared"]), (&json!(0), &json!(0)), "nobody else's");
}

#[tokio::test]
async fn a_report_takes_the_answer_away_counts_once_and_may_stop_the_tier() {
    let app = App::start().await;
    let tenant: TenantId = app.tenant_id.parse().expect("an id");
    let db = database(&app);
    let mut mode = Mode::Shadow;
    for _ in 0..299 {
        mode = cache_trials::record(&db, tenant, &trial(Kind::Shadow, false), LIMIT).await.expect("noted").0.mode;
    }
    assert_eq!(mode, Mode::Serving);
    let member = app.key_of("member").await;
    let report = async |id: &str, body: Value| {
        let answer = app.call(Method::POST, &format!("/v1/cache/{id}/report"), &member, &body).await;
        assert_eq!(answer.status, 200, "who got it may say so: {}", answer.text());
        answer.json()
    };
    let exact = plant(&app, &app.tenant_id, json!({})).await;
    assert_eq!(report(&exact, json!({"tier": "exact"})).await["counted"], false, "no error of the semantic tier");
    let no_vector = plant(&app, &app.tenant_id, json!({"similar_until": null})).await;
    assert_eq!(report(&no_vector, Value::Null).await["counted"], false, "it could not answer similar prompts");
    let logs = Logs::capture();
    for number in 1..=4 {
        assert!(!logs.text().contains("cache.distrusted"), "{number}: not yet");
        let id = plant(&app, &app.tenant_id, json!({})).await;
        let told = report(&id, Value::Null).await;
        assert_eq!(told["counted"], true, "{number}");
        let shown = app.get(&format!("/v1/cache/{id}")).await.json();
        assert_eq!((&shown["tiers"], &shown["quarantined_at"]), (&json!([]), &told["quarantined_at"]));
        assert_eq!(report(&id, Value::Null).await["counted"], false, "a second time changes nothing");
    }
    let told =
        logs.text().lines().filter(|line| line.contains("an alert") && line.contains("cache.distrusted")).count();
    assert_eq!(told, 1, "that it stopped is an alert like any other: {}", logs.text());
    let stats = app.get("/v1/cache/stats").await.json();
    assert_eq!((&stats["errors"]["reports"], &stats["errors"]["found"]), (&json!(4), &json!(4)));
    assert_eq!((&stats["trust"]["mode"], &stats["entries"]["quarantined"]), (&json!("shadow"), &json!(6)));
    let left = "select id from cache_entries where quarantined_at is not null and ciphertext is not null
                union all select entry_id from cache_vectors";
    let left = app.database.superuser().await.query(left, &[]).await.expect("rows");
    assert!(left.is_empty(), "neither answer nor vector is left");
    let wrong = call(&app, Method::POST, &format!("/v1/cache/{exact}/report"), json!({"tier": "fuzzy"})).await;
    assert_eq!(wrong.status, 400);
    assert!(wrong.text().contains("`tier`"), "{}", wrong.text());
}

#[tokio::test]
async fn what_was_compared_does_not_count_for_wider_settings() {
    let app = App::start().await;
    let tenant: TenantId = app.tenant_id.parse().expect("an id");
    let db = database(&app);
    let stored =
        call(&app, Method::POST, "/v1/tenant/keys", json!({"provider": "openai", "api_key": provider_key("openai")}));
    assert_eq!(stored.await.status, 201);
    #[rustfmt::skip]
    let table = [
        (json!({"threshold": 0.98}),                                                                  "serving", "less is answered"),
        (json!({"ttl_seconds": 60, "tier": "semantic"}),                                              "serving", "that is another matter"),
        (json!({"threshold": 0.96}),                                                                  "shadow",  "what is less similar was not compared"),
        (json!({"earlier_turns": true}),                                                              "shadow",  "nor were conversations"),
        (json!({"embedder": "openai/text-embedding-3-small", "embedder_threshold": 0.8}),             "shadow",  "nor these vectors"),
        (json!({"embedder_threshold": 0.75}),                                                         "shadow",  "nor what is less similar of them"),
        (json!({"embedder_threshold": 0.9}),                                                          "serving", "less is answered"),
        (json!({"embedder": null}),                                                                   "shadow",  "other vectors again"),
    ];
    for (change, mode, why) in table {
        let superuser = app.database.superuser().await;
        superuser.batch_execute("delete from cache_trust").await.expect("nothing known");
        for _ in 0..299 {
            cache_trials::record(&db, tenant, &trial(Kind::Shadow, false), LIMIT).await.expect("noted");
        }
        let logs = Logs::capture();
        let set = call(&app, Method::PATCH, "/v1/cache/settings", change).await;
        assert_eq!(set.status, 200, "{why}: {}", set.text());
        let stats = app.get("/v1/cache/stats").await.json();
        assert_eq!(stats["trust"]["mode"], mode, "{why}");
        assert_eq!(logs.text().contains("cache.distrusted"), mode == "shadow", "{why}: {}", logs.text());
    }
}
