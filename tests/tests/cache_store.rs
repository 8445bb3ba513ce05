//! Where answers are kept: found again by who asked the same, by nobody else, and not if anything about the row is not as it was.

#[path = "cache_store/many.rs"]
mod many;
#[path = "cache_store/poisoned.rs"]
mod poisoned;

use serde_json::json;
use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use supergate::{
    cache::{
        answer::StoredAnswer,
        embed::Embedding,
        store::{Address, Hit, Keep, NewEntry, Store, StoreError, Tier},
    },
    clock::Clock as _,
    config::{DatabaseAuth, DatabaseConfig, KmsKey},
    crypto::kms::MasterKey,
    db::Database,
    http::aws,
    tenancy::TenantId,
};
use supergate_tests::{
    app::{KMS_KEY, TestClock},
    kms::{KmsWitness, NOWHERE},
    logs::Logs,
    postgres::TestDatabase,
};
use tokio_postgres::Client;
use uuid::Uuid;

const HOUR: Duration = Duration::from_secs(3600);
const LONG: Duration = Duration::from_secs(60);

/// A database with two tenants, KMS, and a store over both.
struct Stand {
    database: TestDatabase,
    superuser: Client,
    witness: KmsWitness,
    clock: Arc<TestClock>,
    store: Store,
    later: Later,
    tenants: [TenantId; 2],
}

/// Work for after the response.
#[derive(Default)]
struct Later(Mutex<Vec<futures_util::future::BoxFuture<'static, ()>>>);

impl Later {
    fn defer(&self, work: futures_util::future::BoxFuture<'static, ()>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(work);
    }

    async fn run(&self) -> usize {
        let work = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let pieces = work.len();
        futures_util::future::join_all(work).await;
        pieces
    }
}

async fn store(database: &TestDatabase, kms: &str, clock: &Arc<TestClock>, patience: Duration) -> Store {
    let config =
        DatabaseConfig { url: database.app_url(), auth: DatabaseAuth::Url, connect_timeout: LONG, ca_file: None };
    let aws = aws::sdk_config(Duration::from_secs(5)).await.expect("a configuration");
    let key = KmsKey { id: KMS_KEY.into(), previous: None, endpoint: Some(kms.into()) };
    let db = Database::new(&config, 4).expect("a pool");
    Store::with_patience(db, MasterKey::new(&aws, key), clock.clone(), patience)
}

impl Stand {
    async fn new() -> Self {
        let database = TestDatabase::migrated().await;
        let superuser = database.superuser().await;
        let witness = KmsWitness::start().await;
        let clock = Arc::new(TestClock::default());
        let tenants = [1, 2].map(|number| TenantId::from_uuid(Uuid::from_u128(number)));
        for tenant in tenants {
            let insert = format!("insert into tenants (id, name) values ('{}', 'a tenant')", tenant.as_uuid());
            superuser.batch_execute(&insert).await.expect("a tenant");
        }
        let store = store(&database, witness.url(), &clock, LONG).await;
        Self { database, superuser, witness, clock, store, later: Later::default(), tenants }
    }

    /// Where a prompt's answer is kept: a byte for each of what makes the address.
    fn at(&self, tenant: usize, namespace: u8, exact: u8, canonical: u8) -> Address {
        Address {
            tenant: self.tenants[tenant],
            namespace: [namespace; 32],
            exact: Some([exact; 32]),
            canonical: Some([canonical; 32]),
        }
    }

    async fn keep(&self, address: Address, text: &str, vector: Option<&[f32]>) {
        self.store.insert(entry(address, text, vector)).await.expect("kept");
    }

    async fn find(&self, address: Address) -> Option<Hit> {
        let defer = |work| self.later.defer(work);
        let look_up = self.store.find(address, None, &defer).await.expect("a look-up");
        self.later.run().await;
        look_up.hit
    }

    async fn similar(&self, address: Address, vector: &[f32]) -> Vec<Hit> {
        let defer = |work| self.later.defer(work);
        let found = self.store.find_similar(address, &embedding(vector), (0.9, 3), None, &defer).await;
        self.later.run().await;
        found.expect("a look-up")
    }

    async fn count(&self, table: &str) -> i64 {
        self.superuser.query_one(&format!("select count(*) from {table}"), &[]).await.expect("a count").get(0)
    }

    async fn execute(&self, sql: &str) {
        let as_nothing_stops_it = format!("set session_replication_role = replica; {sql}");
        self.superuser.batch_execute(&as_nothing_stops_it).await.unwrap_or_else(|error| panic!("{sql}: {error:?}"));
    }
}

fn embedding(vector: &[f32]) -> Embedding {
    Embedding::normalised(vector.to_vec()).expect("a direction")
}

fn answer(text: &str) -> StoredAnswer {
    let answer = json!({"id": "a", "created": 1, "model": "m", "text": text, "usage": {"input": 5, "output": 7}});
    serde_json::from_value(answer).expect("an answer")
}

fn entry(address: Address, text: &str, vector: Option<&[f32]>) -> NewEntry {
    NewEntry {
        address,
        part: Some("team-a".into()),
        provider: "p".into(),
        model: "m".into(),
        prompt: format!("prompt of {text}"),
        vector: vector.map(embedding),
        answer: answer(text),
        cost_nanos: 1_000,
        keep: Keep { exact: 3 * HOUR, canonical: 2 * HOUR, similar: HOUR },
        most_bytes: 1 << 30,
    }
}

#[tokio::test]
async fn an_answer_is_found_by_its_tenant_namespace_and_prompt_and_by_no_other() {
    let stand = Stand::new().await;
    stand.keep(stand.at(0, 1, 2, 3), "Lisbon", None).await;
    #[rustfmt::skip]
    let table = [
        (stand.at(0, 1, 2, 3), Some(Tier::Exact),     "the same"),
        (stand.at(0, 1, 2, 9), Some(Tier::Exact),     "the same prompt, whatever its canonical text"),
        (stand.at(0, 1, 9, 3), Some(Tier::Canonical), "the same but for how it is written"),
        (stand.at(0, 1, 9, 9), None,                  "another prompt"),
        (stand.at(0, 1, 3, 2), None,                  "a prompt is no canonical text"),
        (stand.at(0, 9, 2, 3), None,                  "another namespace"),
        (stand.at(1, 1, 2, 3), None,                  "another tenant"),
        (Address { exact: None, ..stand.at(0, 1, 2, 3) },     Some(Tier::Canonical), "where the same prompt may not answer"),
        (Address { canonical: None, ..stand.at(0, 1, 9, 3) }, None,                  "where the canonical text may not answer"),
    ];
    for (address, expected, why) in table {
        let hit = stand.find(address).await;
        assert_eq!(hit.as_ref().map(|hit| hit.tier), expected, "{why}");
        if let Some(hit) = hit {
            assert_eq!((hit.answer.text(), hit.prompt.as_str(), hit.cost_nanos), ("Lisbon", "prompt of Lisbon", 1_000));
            assert_eq!((hit.answer.usage().input, hit.answer.usage().output), (5, 7));
        }
    }
    stand.keep(stand.at(0, 1, 2, 3), "Porto", None).await;
    assert_eq!(stand.find(stand.at(0, 1, 2, 3)).await.expect("a hit").answer.text(), "Porto", "the newer one");
    assert_eq!(stand.count("cache_entries").await, 1, "in the place of the older one");
}

#[tokio::test]
async fn similar_prompts_are_found_in_their_own_namespace_the_nearest_first() {
    let stand = Stand::new().await;
    let defer = |work| stand.later.defer(work);
    for (exact, vector) in [(1, [1.0, 0.0, 0.0]), (2, [0.95, 0.3, 0.0]), (3, [0.0, 1.0, 0.0]), (4, [1.0, 0.1, 0.0])] {
        stand.keep(stand.at(0, 1, exact, exact), &format!("answer {exact}"), Some(&vector)).await;
    }
    let texts = |hits: Vec<Hit>| hits.iter().map(|hit| hit.answer.text().to_owned()).collect::<Vec<_>>();
    let hits = stand.similar(stand.at(0, 1, 9, 9), &[1.0, 0.0, 0.0]).await;
    assert!(hits.iter().all(|hit| hit.tier == Tier::Similar));
    let cosines: Vec<f32> = hits.iter().filter_map(|hit| hit.cosine).collect();
    assert!((cosines[0] - 1.0).abs() < 1e-3 && cosines.is_sorted_by(|one, other| one >= other), "{cosines:?}");
    assert_eq!(texts(hits), ["answer 1", "answer 4", "answer 2"], "what is less similar than 0.9 is left out");
    for (address, why) in [(stand.at(1, 1, 9, 9), "another tenant"), (stand.at(0, 2, 9, 9), "another namespace")] {
        assert!(stand.similar(address, &[1.0, 0.0, 0.0]).await.is_empty(), "{why}");
        assert!(!stand.store.find(address, None, &defer).await.expect("a look-up").has_vectors, "{why}");
    }
    assert!(stand.store.find(stand.at(0, 1, 9, 9), None, &defer).await.expect("a look-up").has_vectors);
    assert!(
        stand.similar(stand.at(0, 1, 9, 9), &[1.0, 0.0]).await.is_empty(),
        "a vector of another length is like none"
    );
}

#[tokio::test]
async fn each_tier_answers_for_as_long_as_it_was_told_to() {
    let stand = Stand::new().await;
    stand.keep(stand.at(0, 1, 2, 3), "Lisbon", Some(&[1.0, 0.0])).await;
    let found = async || {
        let exact = stand.find(stand.at(0, 1, 2, 9)).await.is_some();
        let canonical = stand.find(stand.at(0, 1, 9, 3)).await.is_some();
        (exact, canonical, !stand.similar(stand.at(0, 1, 9, 9), &[1.0, 0.0]).await.is_empty())
    };
    assert_eq!(found().await, (true, true, true));
    let mut expected = [(true, true, false), (true, false, false), (false, false, false)].into_iter();
    for _ in 0..3 {
        stand.clock.advance(HOUR + Duration::from_secs(1));
        assert_eq!(Some(found().await), expected.next());
    }
}

#[tokio::test]
async fn what_is_too_old_for_a_caller_is_not_found() {
    let stand = Stand::new().await;
    stand.keep(stand.at(0, 1, 2, 3), "Lisbon", Some(&[1.0, 0.0])).await;
    stand.clock.advance(LONG);
    let defer = |work| stand.later.defer(work);
    for (seconds, expected) in [(30, false), (90, true)] {
        let not_before = Some(stand.clock.now() - Duration::from_secs(seconds));
        let address = stand.at(0, 1, 2, 3);
        let hit = stand.store.find(address, not_before, &defer).await.expect("a look-up").hit;
        assert_eq!(hit.is_some(), expected, "{seconds} s");
        let similar = stand.store.find_similar(address, &embedding(&[1.0, 0.0]), (0.9, 3), not_before, &defer).await;
        assert_eq!(!similar.expect("a look-up").is_empty(), expected, "{seconds} s");
    }
}

#[tokio::test]
async fn a_namespace_has_a_thousand_vectors_and_no_more() {
    let stand = Stand::new().await;
    stand.keep(stand.at(0, 1, 2, 3), "the first", Some(&[1.0, 0.0])).await;
    stand
        .store
        .note_hit(stand.tenants[0], stand.find(stand.at(0, 1, 2, 3)).await.expect("a hit").id)
        .await
        .expect("noted");
    stand
        .execute(
            "insert into cache_entries (tenant_id, id, key_id, namespace, exact, provider, model, created_at, exact_until, similar_until,
                 expires_at, nonce, ciphertext, bytes, cost_nanos)
             select tenant_id, gen_random_uuid(), key_id, namespace, sha256(n::text::bytea), provider, model, created_at, exact_until,
                 similar_until, exact_until, nonce, ciphertext, bytes, 1 from cache_entries, generate_series(1, 999) n;
             insert into cache_vectors select tenant_id, id, namespace, similar_until, '[0,1]' from cache_entries where cost_nanos = 1",
        )
        .await;
    for exact in 4..8 {
        stand.keep(stand.at(0, 1, exact, exact), "another", Some(&[1.0, 0.1])).await;
        stand.keep(stand.at(0, 2, exact, exact), "elsewhere", Some(&[1.0, 0.1])).await;
    }
    let rows = "select count(*) from cache_vectors where namespace = decode(repeat('01', 32), 'hex')";
    assert_eq!(stand.superuser.query_one(rows, &[]).await.expect("a count").get::<_, i64>(0), 1_000);
    assert_eq!(stand.count("cache_vectors").await, 1_004, "another namespace's do not count");
    assert_eq!(stand.count("cache_entries").await, 1_008, "what lost its vector still answers the same prompt");
    let nearest = stand.similar(stand.at(0, 1, 9, 9), &[1.0, 0.0]).await;
    assert_eq!(
        nearest.first().map(|hit| hit.answer.text().to_owned()).as_deref(),
        Some("the first"),
        "worth most, it stays"
    );
}

#[tokio::test]
async fn a_tenants_answers_take_no_more_bytes_than_they_may() {
    const MOST: i64 = 20_000;
    let stand = Stand::new().await;
    stand.keep(stand.at(1, 1, 1, 1), "another tenant's", None).await;
    let sum = format!(
        "select coalesce(sum(bytes), 0)::bigint from cache_entries where tenant_id = '{}'",
        stand.tenants[0].as_uuid()
    );
    let mut most_seen = 0;
    for number in 1..=60 {
        let new = entry(stand.at(0, 1, number, number), "Lisbon", None);
        let id = stand.store.insert(NewEntry { most_bytes: MOST, ..new }).await.expect("kept");
        if number == 1 {
            for _ in 0..5 {
                stand.store.note_hit(stand.tenants[0], id).await.expect("noted");
            }
        }
        let taken: i64 = stand.superuser.query_one(&sum, &[]).await.expect("a sum").get(0);
        assert!(taken <= MOST, "{taken} bytes after {number} entries");
        most_seen = most_seen.max(taken);
    }
    assert!(most_seen > MOST / 2, "and the room is used: {most_seen}");
    assert!(stand.find(stand.at(0, 1, 1, 1)).await.is_some(), "what answered often stays");
    assert!(stand.find(stand.at(0, 1, 60, 60)).await.is_some(), "what is new stays");
    assert!(stand.find(stand.at(1, 1, 1, 1)).await.is_some(), "and what is another tenant's");
}

#[tokio::test]
async fn a_database_that_is_away_or_slow_keeps_nobody_waiting() {
    const PATIENCE: Duration = Duration::from_millis(50);
    let stand = Stand::new().await;
    stand.keep(stand.at(0, 1, 2, 3), "Lisbon", None).await;
    let impatient = store(&stand.database, stand.witness.url(), &stand.clock, PATIENCE).await;
    let defer = |work| stand.later.defer(work);
    stand.superuser.batch_execute("begin; lock table cache_entries in access exclusive mode").await.expect("a lock");
    let asked = std::time::Instant::now();
    let slow = impatient.find(stand.at(0, 1, 2, 3), None, &defer).await;
    assert!(matches!(slow, Err(StoreError::TooSlow)));
    assert!(asked.elapsed() >= PATIENCE);
    stand.superuser.batch_execute("rollback").await.expect("the end of the lock");
    assert_eq!(stand.later.run().await, 1, "it is finished after the response");
    assert!(stand.find(stand.at(0, 1, 2, 3)).await.is_some());
    stand.database.go_away().await;
    assert!(matches!(stand.store.find(stand.at(0, 1, 2, 3), None, &defer).await, Err(StoreError::Unavailable(_))));
    stand.database.come_back().await;
}

#[tokio::test]
async fn a_tenant_has_one_data_key_which_is_unwrapped_once_in_a_while() {
    let stand = Stand::new().await;
    for exact in 1..4 {
        stand.keep(stand.at(0, 1, exact, exact), "Lisbon", None).await;
        assert!(stand.find(stand.at(0, 1, exact, exact)).await.is_some());
    }
    assert_eq!((stand.witness.calls("GenerateDataKey"), stand.witness.calls("Decrypt")), (1, 0));
    stand.keep(stand.at(1, 1, 1, 1), "Porto", None).await;
    assert_eq!(stand.witness.calls("GenerateDataKey"), 2, "another tenant has another");
    let other = store(&stand.database, stand.witness.url(), &stand.clock, LONG).await;
    let defer = |work| stand.later.defer(work);
    for _ in 0..3 {
        assert!(other.find(stand.at(0, 1, 1, 1), None, &defer).await.expect("a look-up").hit.is_some());
        other.insert(entry(stand.at(0, 1, 9, 9), "Faro", None)).await.expect("kept");
    }
    assert_eq!((stand.witness.calls("GenerateDataKey"), stand.witness.calls("Decrypt")), (2, 1), "another process");
    stand.clock.advance(Duration::from_secs(301));
    assert!(stand.find(stand.at(0, 1, 1, 1)).await.is_some());
    assert_eq!(stand.witness.calls("Decrypt"), 2, "not for ever");
}

#[tokio::test]
async fn without_kms_nothing_is_stored_and_nothing_is_taken_for_poisoned() {
    let stand = Stand::new().await;
    stand.keep(stand.at(0, 1, 2, 3), "Lisbon", None).await;
    let cut_off = store(&stand.database, NOWHERE, &stand.clock, LONG).await;
    let defer = |work| stand.later.defer(work);
    assert!(matches!(cut_off.find(stand.at(0, 1, 2, 3), None, &defer).await, Err(StoreError::Unavailable(_))));
    let refused = cut_off.insert(entry(stand.at(1, 1, 2, 3), "Porto", None)).await;
    assert!(matches!(refused, Err(StoreError::Unavailable(_))));
    assert_eq!((stand.count("cache_entries").await, stand.later.run().await), (1, 0));
}

#[tokio::test]
async fn a_data_key_that_is_lost_is_an_alarm_and_another_takes_its_place() {
    let stand = Stand::new().await;
    stand.keep(stand.at(0, 1, 2, 3), "Lisbon", None).await;
    stand.execute("update cache_keys set wrapped_key = set_byte(wrapped_key, 40, get_byte(wrapped_key, 40) # 1)").await;
    let later = store(&stand.database, stand.witness.url(), &stand.clock, LONG).await;
    let logs = Logs::errors();
    later.insert(entry(stand.at(0, 1, 4, 4), "Porto", None)).await.expect("kept");
    assert_eq!(logs.alarms("cache_key_unreadable").len(), 1, "{}", logs.text());
    let defer = |work| stand.later.defer(work);
    assert!(later.find(stand.at(0, 1, 4, 4), None, &defer).await.expect("a look-up").hit.is_some());
    assert_eq!(stand.count("cache_keys").await, 2);
}
