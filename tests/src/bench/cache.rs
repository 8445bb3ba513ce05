//! What a request costs that the cache answers, by tier, and one that it does not: CPU, transactions, and memory with the model.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::{Value, json};
use supergate::{
    cache::{
        embed::Embedding,
        store::{Address, Keep, NewEntry, Store},
    },
    clock::SystemClock,
    config::{DatabaseAuth, DatabaseConfig, KmsKey},
    crypto::kms::MasterKey,
    db::Database,
    http::aws,
    tenancy::TenantId,
};
use supergate_tests::{
    app::KMS_KEY,
    lambda::{Function, Stack, Version, http_event},
    postgres::{TestDatabase, connect, execute},
    similar,
};
use uuid::Uuid;

use crate::measure::{DEADLINE, cpu_per_call};
use crate::report::Report;

const CHAT: &str = "chat-completions";
const COUNTED: usize = 50;

/// A prompt as it was written at first, and in another spelling.
const PROMPT: &str = "How long does it take to cook brown rice on the stove?";
const SPELLED: &str = "how long does it take to cook brown rice on the stove";
/// Without it one in twenty is audited, the mock says something else each time, and what it says is kept for that very prompt.
const SERVED_ONLY: &str = "only-if-cached";
/// A connection tells its counts when it was idle for so long.
const COUNTS_ARE_TOLD: Duration = Duration::from_secs(11);

fn chat(key: &str, prompt: &str, control: &str) -> Value {
    let body = json!({"model": "openai/gpt-4o-mini", "messages": [
        {"role": "system", "content": "You are a helpful assistant that answers in a few words."},
        {"role": "user", "content": prompt},
    ]});
    let bearer = format!("Bearer {key}");
    let mut headers = vec![("Content-Type", "application/json"), ("Authorization", bearer.as_str())];
    if !control.is_empty() {
        headers.push(("Cache-Control", control));
    }
    http_event("POST", "/v1/chat/completions", &headers, body.to_string(), Version::V1)
}

/// Each tier by itself, in the function as it is deployed.
pub async fn requests(stack: &Stack, report: &mut Report) {
    crate::progress("the cache");
    let key = stack.api_key();
    let off = crate::start(stack, CHAT, 1).await;
    add(stack, &off, ("off", "no cache"), &chat(key, PROMPT, ""), None, report).await;
    drop(off);
    let on = stack.function(CHAT).env("SUPERGATE_CACHE", "on").env("SUPERGATE_CACHE_TIMEOUT_MS", "5000");
    let function = on.start().await.unwrap_or_else(|error| panic!("{CHAT}: {error}"));
    let miss = chat(key, PROMPT, "max-age=0");
    add(stack, &function, ("miss", "a miss, and its answer kept"), &miss, Some(0.8), report).await;
    add(stack, &function, ("t0", "T0, the same prompt"), &chat(key, PROMPT, ""), Some(0.8), report).await;
    add(stack, &function, ("t1", "T1, spelled otherwise"), &chat(key, SPELLED, ""), Some(0.8), report).await;
    let resident = crate::megabytes(function.resident_bytes());
    report.add("cache_resident_mb", "resident memory, without the model", resident, "MB", Some(30.0));
    drop(function);
    let Ok(file) = std::env::var("SUPERGATE_TEST_EMBEDDER") else { return };
    execute(
        &stack.database_url(),
        "insert into cache_trust (tenant_id, mode, since) select id, 'serving', now() from tenants",
    )
    .await;
    let function =
        on.env("SUPERGATE_EMBEDDER_FILE", &file).start().await.unwrap_or_else(|error| panic!("{CHAT}: {error}"));
    let (kept, similar) = similar::pair(&file);
    // The first loads the model, the second keeps the answer with its vector.
    for _ in 0..2 {
        drop(function.invoke(chat(key, &kept, "max-age=0"), DEADLINE).await.text().await);
        function.idle().await;
    }
    let mut hits = 0;
    for _ in 0..COUNTED {
        let reply = function.invoke(chat(key, &similar, SERVED_ONLY), DEADLINE).await;
        hits += usize::from(reply.headers.get("x-supergate-cache").is_some_and(|outcome| outcome == "SEMANTIC-HIT"));
        drop(reply.text().await);
        function.idle().await;
    }
    report.add("cache_t2_hits", &format!("of {COUNTED} similar prompts, so many are served"), hits as f64, "", None);
    add(stack, &function, ("t2", "T2, a similar prompt"), &chat(key, &similar, SERVED_ONLY), None, report).await;
    let resident = crate::megabytes(function.resident_bytes());
    report.add("cache_resident_with_model_mb", "resident memory with the model", resident, "MB", None);
}

/// CPU, and transactions of the database: each of them is one round trip.
async fn add(
    stack: &Stack,
    function: &Function,
    (name, what): (&str, &str),
    event: &Value,
    bound: Option<f64>,
    report: &mut Report,
) {
    let cpu = crate::millis(cpu_per_call(function, event, 1, 200).await);
    report.add(&format!("cache_{name}_cpu_ms"), &format!("CPU per plain chat request, {what}"), cpu, "ms", bound);
    tokio::time::sleep(COUNTS_ARE_TOLD).await;
    let before = transactions(stack).await;
    for _ in 0..COUNTED {
        drop(function.invoke(event.clone(), DEADLINE).await.text().await);
        function.idle().await;
    }
    tokio::time::sleep(COUNTS_ARE_TOLD).await;
    let each = (transactions(stack).await - before) / COUNTED as f64;
    report.add(&format!("cache_{name}_transactions"), "  transactions, with the ledger's", each, "", None);
}

async fn transactions(stack: &Stack) -> f64 {
    let client = connect(&stack.database_url()).await;
    let count = "select xact_commit::float8 from pg_stat_database where datname = current_database()";
    client.query_one(count, &[]).await.expect("a count").get(0)
}

/// Whether the time of a miss tells that another tenant has the prompt: the probability that of two misses the slower one is of a prompt that
/// somebody else has. 0.5 is a coin.
pub async fn misses(report: &mut Report) {
    const PROMPTS: u8 = 200;
    const ROUNDS: usize = 40;
    crate::progress("the time of misses");
    let database = TestDatabase::migrated().await;
    let superuser = database.superuser().await;
    let [owner, asker] = [1, 2].map(|number| TenantId::from_uuid(Uuid::from_u128(number)));
    for tenant in [owner, asker] {
        let insert = format!("insert into tenants (id, name) values ('{}', 'a tenant')", tenant.as_uuid());
        superuser.batch_execute(&insert).await.expect("a tenant");
    }
    let store = store(&database).await;
    // The worst that could be: were hashes the same, which have the tenant in them.
    let at = |tenant, has: bool, prompt: u8| {
        let hash = |kind: u8| Some([prompt ^ kind; 32].map(|byte| byte.wrapping_add(u8::from(!has) * 101)));
        Address { tenant, namespace: [if has { 1 } else { 3 }; 32], exact: hash(0), canonical: hash(255) }
    };
    for prompt in 0..PROMPTS {
        let entry =
            json!({"id": "a", "created": 1, "model": "m", "text": "an answer", "usage": {"input": 5, "output": 7}});
        let hour = Duration::from_secs(3600);
        let new = NewEntry {
            address: at(owner, true, prompt),
            part: None,
            provider: "p".into(),
            model: "m".into(),
            prompt: format!("prompt {prompt}"),
            vector: Embedding::normalised(vec![f32::from(prompt) + 1.0; 384]),
            answer: serde_json::from_value(entry).expect("an answer"),
            cost_nanos: 1_000,
            keep: Keep { exact: hour, canonical: hour, similar: hour },
            most_bytes: 1 << 30,
        };
        store.insert(new).await.expect("kept");
    }
    let (mut others, mut nobodys) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        for prompt in 0..PROMPTS {
            // In turns, so that what drifts drifts for both.
            for has in [(round + usize::from(prompt)) % 2 == 0, (round + usize::from(prompt)) % 2 != 0] {
                let begun = Instant::now();
                let found = store.find(at(asker, has, prompt), None, &|_| ()).await.expect("a look-up");
                let took = begun.elapsed().as_secs_f64();
                assert!(found.hit.is_none() && !found.has_vectors, "another's");
                if has { &mut others } else { &mut nobodys }.push(took);
            }
        }
    }
    let what = format!("AUC of the times of {} misses: does another tenant have the prompt?", others.len() * 2);
    report.add("cache_miss_auc", &what, auc(&others, &nobodys), "", None);
}

/// The share of pairs of which the first is the larger.
fn auc(ones: &[f64], others: &[f64]) -> f64 {
    let mut all: Vec<(f64, bool)> =
        ones.iter().map(|time| (*time, true)).chain(others.iter().map(|time| (*time, false))).collect();
    all.sort_by(|a, b| a.0.total_cmp(&b.0));
    let ranks: usize = all.iter().enumerate().filter(|(_, (_, is_one))| *is_one).map(|(rank, _)| rank + 1).sum();
    let (n, m) = (ones.len() as f64, others.len() as f64);
    (ranks as f64 - n * (n + 1.0) / 2.0) / (n * m)
}

async fn store(database: &TestDatabase) -> Store {
    let patience = Duration::from_secs(60);
    let config =
        DatabaseConfig { url: database.app_url(), auth: DatabaseAuth::Url, connect_timeout: patience, ca_file: None };
    let aws = aws::sdk_config(patience).await.expect("a configuration");
    let key = KmsKey { id: KMS_KEY.into(), previous: None, endpoint: None };
    let db = Database::new(&config, 2).expect("a pool");
    Store::with_patience(db, MasterKey::new(&aws, key), Arc::new(SystemClock), patience)
}
