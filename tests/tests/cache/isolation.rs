//! Nobody gets another's answer: tenants with the same prompts, keys and users within a tenant, and rows that somebody moved.

use super::{ask, said, start};
use http::{Method, Request};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, HashSet},
    env,
};
use supergate_tests::{
    app::{Answer, App},
    logs::Logs,
};

fn request(key: &str, body: &Value) -> Request<lambda_http::Body> {
    Request::post("/v1/chat/completions")
        .header("authorization", format!("Bearer {key}"))
        .header("content-type", "application/json")
        .body(lambda_http::Body::Text(body.to_string()))
        .expect("a request")
}

async fn send(app: &App, key: &str, body: &Value) -> Answer {
    app.send(request(key, body)).await
}

#[tokio::test]
async fn keys_and_users_of_a_tenant_share_nothing_unless_it_says_so() {
    let mut app = start().await;
    let other = app.key_of("member").await;
    assert_eq!(said(&app.chat(&ask("hello")).await), "MISS");
    assert_eq!(said(&send(&app, &other, &ask("hello")).await), "MISS", "another key");
    let mut of_user = ask("hello");
    of_user["user"] = json!("anna");
    assert_eq!(said(&app.chat(&of_user).await), "MISS", "a user of its own");
    of_user["user"] = json!("bela");
    assert_eq!(said(&app.chat(&of_user).await), "MISS", "another user");
    let superuser = app.database.superuser().await;
    let set = "insert into cache_settings (tenant_id, sharing) select id, 'tenant' from tenants where name = 'test'";
    superuser.batch_execute(set).await.expect("set");
    app.restart_with(&[("SUPERGATE_CACHE", "on")]).await;
    assert_eq!(said(&app.chat(&of_user).await), "MISS");
    of_user["user"] = json!("anna");
    assert_eq!(said(&send(&app, &other, &of_user).await), "HIT", "the tenant said that all share");
}

/// How many look-ups; a long run has a million (`LOOK_UPS`).
fn look_ups() -> usize {
    env::var("LOOK_UPS").map_or(1_500, |text| text.parse().expect("a number"))
}

#[tokio::test]
async fn tenants_with_the_same_prompts_and_poisoned_neighbours_get_their_own_answers() {
    const TENANTS: usize = 200;
    const PROMPTS: usize = 3;
    let app = start().await;
    // The answer says whose it is: its id is another for each key of the provider, and each tenant has its own.
    let mut keys = Vec::new();
    for tenant in 0..TENANTS {
        let key = app.other_tenant(&format!("tenant {tenant}")).await.key;
        let own = json!({"provider": "openai", "api_key": format!("sk-of-tenant-number-{tenant:04}")});
        assert_eq!(app.call(Method::POST, "/v1/tenant/keys", &key, &own).await.status, 201);
        keys.push(key);
    }
    let mut own: HashMap<(usize, usize), String> = HashMap::new();
    let prompts: Vec<Value> =
        (0..PROMPTS).map(|prompt| ask(&format!("question number {prompt} of everybody"))).collect();
    for (tenant, key) in keys.iter().enumerate() {
        for (prompt, body) in prompts.iter().enumerate().filter(|(prompt, _)| (tenant + prompt) % 2 == 0) {
            let miss = send(&app, key, body).await;
            assert_eq!(said(&miss), "MISS", "tenant {tenant}, prompt {prompt}: nobody else's");
            own.insert((tenant, prompt), miss.json()["id"].as_str().expect("an id").to_owned());
        }
    }
    assert_eq!(own.values().collect::<HashSet<_>>().len(), own.len(), "the control: no two answers are alike");
    // Somebody who can write to the tables copies every third tenant's rows to its neighbour, under the neighbour's key and namespace.
    let superuser = app.database.superuser().await;
    let poison = "
        with numbered as (select e.*, dense_rank() over (order by tenant_id) as place from cache_entries e),
        neighbours as (
            select a.id, b.tenant_id as other, b.key_id as other_key, b.namespace as other_namespace, b.exact as other_exact, b.canonical as other_canonical,
                row_number() over (partition by b.tenant_id, b.namespace, b.exact order by a.id) as one
            from numbered a join numbered b on b.place = a.place + 1 where a.place % 3 = 0)
        update cache_entries e set ciphertext = s.ciphertext, nonce = s.nonce
        from neighbours n join cache_entries s on s.id = n.id
        where n.one = 1 and (e.tenant_id, e.namespace, e.exact) = (n.other, n.other_namespace, n.other_exact)";
    let poisoned = superuser.execute(poison, &[]).await.expect("poisoned");
    assert!(poisoned > 50, "{poisoned} rows");
    let logs = Logs::errors();
    let (mut hits, mut misses) = (0, 0);
    let mut last = 1_usize;
    for _ in 0..look_ups() {
        last = last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (tenant, prompt) = ((last >> 33) % TENANTS, (last >> 20) % PROMPTS);
        let answer = send(&app, &keys[tenant], &prompts[prompt]).await;
        let id = answer.json()["id"].as_str().expect("an id").to_owned();
        match said(&answer) {
            "HIT" => {
                assert_eq!(own.get(&(tenant, prompt)), Some(&id), "tenant {tenant}, prompt {prompt}: its own answer");
                hits += 1;
            }
            "MISS" => {
                own.insert((tenant, prompt), id);
                misses += 1;
            }
            other => panic!("{other}"),
        }
    }
    assert!(hits > misses, "{hits} hits and {misses} misses");
    println!(
        "isolation: {hits} hits and {misses} misses of {TENANTS} tenants with the same prompts, {poisoned} rows poisoned: nobody else's"
    );
    assert!(!logs.alarms("cache_entry_poisoned").is_empty());
}
