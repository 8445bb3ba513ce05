//! Rows against time: the nearest of a namespace's vectors, where 200,000 of others are in the same table.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use supergate::{
    cache::{
        embed::Embedding,
        store::{Address, Store},
    },
    clock::SystemClock,
    config::{DatabaseAuth, DatabaseConfig, KmsKey},
    crypto::kms::MasterKey,
    db::Database,
    http::aws,
    tenancy::TenantId,
};
use supergate_tests::{app::KMS_KEY, postgres::TestDatabase};
use uuid::Uuid;

use crate::measure::median;
use crate::report::Report;

const ROUNDS: usize = 50;
const TENANT: Uuid = Uuid::from_u128(1);
/// What is read; ten times as many as a namespace may have is there to see how it grows.
const SIZES: [(u8, u32, Option<f64>); 3] = [(1, 100, None), (2, 1_000, None), (3, 10_000, None)];

/// Fills a database of its own, and asks as the store does.
pub async fn rows_against_time(report: &mut Report) {
    let database = TestDatabase::migrated().await;
    fill(&database).await;
    let config = DatabaseConfig {
        url: database.app_url(),
        auth: DatabaseAuth::Url,
        connect_timeout: Duration::from_secs(5),
        ca_file: None,
    };
    let aws = aws::sdk_config(Duration::from_secs(5)).await.expect("a configuration");
    let key = KmsKey { id: KMS_KEY.into(), previous: None, endpoint: None };
    let db = Database::new(&config, 1).expect("a pool");
    let store = Store::with_patience(db, MasterKey::new(&aws, key), Arc::new(SystemClock), Duration::from_secs(60));
    for (namespace, rows, bound) in SIZES {
        let mut times = Vec::new();
        for round in 0..ROUNDS {
            let begun = Instant::now();
            ask(&store, namespace, round).await;
            times.push(begun.elapsed());
        }
        let figure = median(times).as_secs_f64() * 1e3;
        report.add(
            &format!("similar_ms_{rows}"),
            &format!("the nearest of {rows} vectors, one round trip"),
            figure,
            "ms",
            bound,
        );
    }
}

async fn ask(store: &Store, namespace: u8, round: usize) {
    let address =
        Address { tenant: TenantId::from_uuid(TENANT), namespace: [namespace; 32], exact: None, canonical: None };
    #[expect(clippy::cast_precision_loss, reason = "any numbers do")]
    let vector =
        Embedding::normalised((0..384).map(|i| ((i * 7 + round) as f32).sin()).collect()).expect("a direction");
    // There are no entries, so nothing is opened; nothing is poisoned either.
    let found = store.find_similar(address, &vector, (0.9, 3), None, &|_| ()).await.expect("a look-up");
    assert!(found.is_empty());
}

/// A thousand vectors of random numbers, in as many namespaces and tenants as it takes.
async fn fill(database: &TestDatabase) {
    let of_size = SIZES.map(|(namespace, rows, _)| {
        format!(
            "select '{TENANT}'::uuid, decode(repeat('{namespace:02x}', 32), 'hex'), n from generate_series(1, {rows}) n"
        )
    });
    let sql = format!(
        "set session_replication_role = replica;
         create unlogged table sample as
             select n, array_agg(random() - 0.5)::real[]::halfvec as embedding
             from generate_series(0, 999) n, generate_series(1, 384) group by n;
         insert into cache_vectors (tenant_id, namespace, entry_id, until, embedding)
             select r.tenant, r.namespace, gen_random_uuid(), now() + interval '1 day', s.embedding
             from ({}
                   union all
                   select ('00000000-0000-0000-0000-' || lpad(to_hex(2 + n % 50), 12, '0'))::uuid, sha256((n / 1000)::text::bytea), n
                   from generate_series(1, 200000) n) r(tenant, namespace, n)
             join sample s on s.n = r.n % 1000;
         drop table sample;
         vacuum analyze cache_vectors",
        of_size.join(" union all ")
    );
    let superuser = database.superuser().await;
    for statement in sql.split(';') {
        superuser.batch_execute(statement).await.unwrap_or_else(|error| panic!("{statement}: {error:?}"));
    }
}
