//! What keeps one tenant's data from another: policies, grants, the catalogue's laws, the one look-up without a tenant, and the
//! migrations that make all of it.

#[path = "isolation/laws.rs"]
mod laws;
#[path = "isolation/matrix.rs"]
mod matrix;

use laws::{DEFINITIONS, LAWS};
use matrix::{APP, OWNER, Seed};
use serde_json::json;
use std::{collections::HashSet, time::Duration};
use supergate::{
    config::{DatabaseAuth, DatabaseConfig},
    db::Database,
    gateway::admin::migrate::Command,
    tenancy::{Actor, KeyId, RequestId, TenantId},
    usage::{
        Nanos, Tokens,
        ledger::{self, Ended, UsageEvent, UsageSource},
    },
};
use supergate_tests::postgres::TestDatabase;
use time::OffsetDateTime;
use tokio_postgres::{
    Client, NoTls, SimpleQueryMessage,
    error::SqlState,
    types::{ToSql, Type},
};
use uuid::Uuid;

/// Parameters with their types, as the gateway sends them.
type Params<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

async fn seeded() -> (TestDatabase, Client, Seed) {
    let database = TestDatabase::migrated().await;
    let superuser = database.superuser().await;
    let seed = Seed::plant(&superuser).await.unwrap_or_else(|error| panic!("{error}"));
    (database, superuser, seed)
}

/// All verbs for the role, and no foreign keys that would keep a row from being deleted: so that the policies stand alone.
async fn leave_only_the_policies(superuser: &Client, seed: &Seed) {
    let mut sql = String::new();
    for table in &seed.tables {
        sql += &format!("grant select, insert, update, delete on {} to {APP};", table.name);
    }
    let keys =
        "select conrelid::regclass::text, conname::text from pg_constraint where contype = 'f' and conparentid = 0";
    for key in superuser.query(keys, &[]).await.expect("the catalogue") {
        sql += &format!("alter table {} drop constraint {};", key.get::<_, &str>(0), key.get::<_, &str>(1));
    }
    superuser.batch_execute(&sql).await.expect("to be allowed");
}

fn code(error: &tokio_postgres::Error) -> &str {
    error.code().map_or("no code", SqlState::code)
}

#[tokio::test]
async fn a_tenant_reaches_its_own_rows_only_and_no_verb_that_is_not_granted() {
    let (database, _, seed) = seeded().await;
    let app = database.app().await;
    app.batch_execute("begin").await.expect("a transaction");
    let tried = seed.check(&app, APP).await.unwrap_or_else(|error| panic!("{error}"));
    println!(
        "isolation: {tried} statements on {} tables as the functions' role, with its own grants",
        seed.tables.len()
    );
}

#[tokio::test]
async fn the_policies_alone_keep_tenants_apart_for_the_functions_role_and_for_the_owner() {
    let (database, superuser, seed) = seeded().await;
    leave_only_the_policies(&superuser, &seed).await;
    for (role, client) in [(APP, database.app().await), (OWNER, superuser)] {
        client.batch_execute("begin").await.expect("a transaction");
        let tried = seed.check(&client, role).await.unwrap_or_else(|error| panic!("{error}"));
        println!("isolation: {tried} statements as {role} with every verb granted");
    }
}

#[tokio::test]
async fn the_matrix_fails_without_any_single_policy_or_flag() {
    let (_database, superuser, seed) = seeded().await;
    leave_only_the_policies(&superuser, &seed).await;
    let mutants = mutants(&superuser).await;
    superuser.batch_execute("begin").await.expect("a transaction");
    let matrix = async || match seed.check(&superuser, APP).await {
        Ok(_) => seed.check(&superuser, OWNER).await,
        failed => failed,
    };
    matrix().await.expect("nothing is mutated yet");
    let mut survivors = Vec::new();
    for mutant in &mutants {
        superuser
            .batch_execute(&format!("savepoint mutant; {mutant}"))
            .await
            .unwrap_or_else(|e| panic!("{mutant}: {e:?}"));
        if matrix().await.is_ok() {
            survivors.push(mutant);
        }
        superuser.batch_execute("rollback to savepoint mutant; release savepoint mutant").await.expect("an undo");
    }
    matrix().await.expect("everything is undone");
    println!("isolation: {} of {} mutants killed", mutants.len() - survivors.len(), mutants.len());
    assert!(survivors.is_empty(), "nothing noticed: {survivors:#?}");
}

/// Each policy dropped, each tenant's policy widened, each flag cleared, as the catalogue has them; and no tenant as no error.
async fn mutants(superuser: &Client) -> Vec<String> {
    let policies =
        "select polrelid::regclass::text, polname::text, polwithcheck is not null from pg_policy order by 1, 2";
    let flags = "select oid::regclass::text, relrowsecurity, relforcerowsecurity from pg_class
                 where relrowsecurity or relforcerowsecurity order by 1";
    let mut mutants = Vec::new();
    for row in superuser.query(policies, &[]).await.expect("the catalogue") {
        let (table, policy, writes): (&str, &str, bool) = (row.get(0), row.get(1), row.get(2));
        mutants.push(format!("drop policy {policy} on {table}"));
        if writes {
            mutants.push(format!("alter policy {policy} on {table} using (true)"));
            mutants.push(format!("alter policy {policy} on {table} with check (true)"));
        }
    }
    for row in superuser.query(flags, &[]).await.expect("the catalogue") {
        let (table, enabled, forced): (&str, bool, bool) = (row.get(0), row.get(1), row.get(2));
        mutants.extend(enabled.then(|| format!("alter table {table} disable row level security")));
        mutants.extend(forced.then(|| format!("alter table {table} no force row level security")));
    }
    mutants.push(
        "create or replace function app.tenant_id() returns uuid language sql stable set search_path = ''
         as $$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$"
            .into(),
    );
    mutants
}

#[tokio::test]
async fn every_law_of_the_catalogue_holds_and_notices_its_breach() {
    let database = TestDatabase::migrated().await;
    let superuser = database.superuser().await;
    superuser.batch_execute(DEFINITIONS).await.expect("the definitions");
    let offenders = async |query: &str| -> Vec<String> {
        let rows = superuser.query(query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
        rows.iter().map(|row| row.get(0)).collect()
    };
    let tables = offenders("select relname::text from tenant_tables").await;
    let parents = ["tenants", "api_keys", "usage_events"];
    assert!(parents.iter().all(|name| tables.iter().any(|table| table == name)), "the laws look at {tables:?}");
    for (law, query, breach) in LAWS {
        let query = format!("select offender::text from ({query}) as found(offender)");
        let broken = offenders(&query).await;
        assert!(broken.is_empty(), "{law}, but not {broken:?}");
        superuser
            .batch_execute(&format!("begin; {breach}"))
            .await
            .unwrap_or_else(|error| panic!("{breach}: {error:?}"));
        let noticed = offenders(&query).await;
        superuser.batch_execute("rollback").await.expect("an undo");
        assert!(!noticed.is_empty(), "{law}: this breach goes unnoticed: {breach}");
    }
    println!("isolation: {} laws hold on {} tables, each notices its breach", LAWS.len(), tables.len());
}

#[tokio::test]
async fn the_tenant_must_be_named_and_is_forgotten_with_the_transaction() {
    let (database, _, seed) = seeded().await;
    let app = database.app().await;
    let read = "select from api_keys";
    let [one, other] = seed.tenants.each_ref().map(|tenant| format!("select app.set_tenant('{}')", tenant.id));
    #[rustfmt::skip]
    let table = [
        (format!("begin; {one}; {read}; commit"),                        "00000", "a tenant sees its rows"),
        (read.to_owned(),                                                "42501", "the commit ended it"),
        (format!("begin; {one}; {read}; rollback"),                      "00000", "a tenant sees its rows"),
        (read.to_owned(),                                                "42501", "the rollback ended it"),
        (format!("begin; {one}; select 1/0"),                            "22012", "a failed statement"),
        (format!("rollback; {read}"),                                    "42501", "and its rollback ended it"),
        (format!("begin; savepoint a; {one}; rollback to a; {read}"),    "42501", "so does a savepoint's"),
        ("rollback".to_owned(),                                          "00000", "next"),
        (format!("begin; {one}; {other}; {read}; commit"),               "00000", "the last named counts"),
        ("select app.set_tenant(null)".to_owned(),                       "42501", "nobody is no tenant"),
        (format!("begin; {one}; select app.set_tenant(null)"),           "42501", "nor after somebody"),
        (format!("rollback; begin; {read}"),                             "42501", "a transaction alone names nobody"),
        ("rollback; select app.set_tenant('')".to_owned(),               "22P02", "nothing is no tenant"),
        (format!("begin; set local app.tenant_id = ''; {read}"),         "42501", "an empty setting is none"),
        (format!("rollback; begin; set local app.tenant_id = 'all'; {read}"), "22P02", "nor is a word"),
    ];
    for (sql, expected, why) in table {
        let outcome = app.simple_query(&sql).await;
        assert_eq!(outcome.as_ref().map_or_else(code, |_| "00000"), expected, "{why}: {sql}");
    }
}

#[tokio::test]
async fn no_tenant_is_an_error_where_no_row_would_be_found_too() {
    let database = TestDatabase::migrated().await;
    let app = database.app().await;
    let nil = Uuid::nil();
    #[rustfmt::skip]
    let table = [
        ("select from tenants".to_owned(),                          "42501", "an empty table"),
        ("select from api_keys".to_owned(),                         "42501", "an empty table"),
        ("select from usage_events".to_owned(),                     "42501", "empty partitions"),
        (format!("select from api_keys where id = '{nil}'"),        "42501", "an index without a match"),
        (format!("select from usage_events where request_id = '{nil}'"), "42501", "an id of no month"),
    ];
    for (sql, expected, why) in table {
        let outcome = app.simple_query(&sql).await;
        assert_eq!(outcome.as_ref().map_or_else(code, |_| "00000"), expected, "{why}: {sql}");
        assert!(
            outcome.iter().flatten().all(|message| !matches!(message, SimpleQueryMessage::Row(_))),
            "{why}: no rows"
        );
    }
}

#[tokio::test]
async fn a_pooled_connection_carries_no_tenant_to_its_next_user() {
    let (database, _, seed) = seeded().await;
    let app = database.app().await;
    for _ in 0..3 {
        for tenant in &seed.tenants {
            // As `TenantTx` does it: all four in one round trip.
            let set: Params<'_> = &[(&tenant.id, Type::UUID)];
            let (begun, set, rows, committed) = tokio::join!(
                app.batch_execute("begin"),
                app.query_typed("select app.set_tenant($1)", set),
                app.query_typed("select tenant_id from api_keys", &[]),
                app.batch_execute("commit"),
            );
            begun.and(committed).expect("a transaction");
            set.expect("a tenant");
            let seen: Vec<Uuid> = rows.expect("rows").iter().map(|row| row.get(0)).collect();
            assert_eq!(seen, [tenant.id]);
            let after = app.query_typed("select tenant_id from api_keys", &[]).await;
            assert_eq!(code(&after.expect_err("no tenant is an error")), "42501");
        }
    }
}

#[tokio::test]
async fn another_tenants_key_hash_cannot_be_read_by_any_means_tried() {
    let (database, _, seed) = seeded().await;
    let app = database.app().await;
    let [own, other] = seed.tenants.each_ref().map(|tenant| tenant.id.simple().to_string().repeat(2));
    let theirs = seed.tenants[1].id;
    // By its id the look-up gives a key's hash to the functions' role, which is what it is for. An id is 74 random bits and the hash
    // is of 256 more.
    #[rustfmt::skip]
    let table = [
        ("select hash from api_keys".to_owned(),                                             "read all"),
        (format!("select hash from api_keys where tenant_id = '{theirs}' or true"),          "widen the condition"),
        ("select hash from tenants t full join api_keys k on true".to_owned(),               "join"),
        ("copy (select * from api_keys) to stdout".to_owned(),                               "copy"),
        ("copy api_keys to stdout".to_owned(),                                               "copy all"),
        ("select most_common_vals, histogram_bounds from pg_stats where tablename = 'api_keys'".to_owned(), "statistics"),
        ("select stavalues1 from pg_statistic".to_owned(),                                   "raw statistics"),
        ("set local row_security = off; select hash from api_keys".to_owned(),               "switch policies off"),
        (format!("set local role {OWNER}; select hash from api_keys"),                       "become the owner"),
        ("set local role supergate_auth; select hash from api_keys".to_owned(),              "become the look-up"),
        ("set session authorization supergate_auth".to_owned(),                              "the same for the session"),
        ("alter table api_keys disable row level security".to_owned(),                       "disable policies"),
        ("create policy mine on api_keys using (true)".to_owned(),                           "add a policy"),
        ("create view public.mine as select * from api_keys".to_owned(),                     "a view"),
        ("create function app.mine() returns int language sql return 1".to_owned(),          "a function"),
        ("select app.set_tenant(tenant_id) from api_keys; select hash from api_keys".to_owned(), "set what cannot be seen"),
        ("select * from app.find_api_key((select id from api_keys order by id desc limit 1))".to_owned(), "look up what cannot be seen"),
        ("select * from app.find_api_key(null)".to_owned(),                                  "look up nothing"),
        (format!("create function pg_temp.tell(bytea) returns bool language plpgsql cost 0.0000001
                  as $$ begin raise exception '%', encode($1, 'hex'); end $$;
                  select from api_keys where tenant_id = '{theirs}' and pg_temp.tell(hash)"),"a cheap function that talks"),
        (format!("select from api_keys where tenant_id = '{theirs}' and 1 / (length(hash) - 32) = 1"), "an error that talks"),
        (format!("select hash::text::int from api_keys where tenant_id = '{theirs}'"),       "an error that quotes"),
    ];
    let set = format!("select app.set_tenant('{}')", seed.tenants[0].id);
    for (i, (sql, why)) in table.into_iter().enumerate() {
        let said = match app.simple_query(&format!("begin; {set}; {sql}")).await {
            Ok(messages) => messages.iter().filter_map(text).collect::<String>(),
            Err(error) => format!("{error:?}"),
        };
        app.batch_execute("rollback").await.expect("an undo");
        assert!(!said.contains(&other), "{why}: {sql}");
        assert!(!said.contains("division by zero"), "{why}: it was computed on another tenant's row: {sql}");
        assert_eq!(
            said.contains(&own),
            matches!(i, 0..3) || why == "set what cannot be seen" || why.starts_with("look up what"),
            "{why}: {said}"
        );
    }
}

fn text(message: &SimpleQueryMessage) -> Option<String> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    Some((0..row.len()).filter_map(|i| row.get(i)).collect::<Vec<_>>().join(" "))
}

#[tokio::test]
async fn nobody_signs_in_as_the_owner_or_the_look_up() {
    let database = TestDatabase::migrated().await;
    for (role, expected) in [(APP, "00000"), (OWNER, "28000"), ("supergate_auth", "28000")] {
        let outcome = tokio_postgres::connect(&database.url(role), NoTls).await;
        assert_eq!(outcome.as_ref().map_or_else(code, |_| "00000"), expected, "{role}");
    }
}

#[tokio::test]
async fn a_key_is_found_by_its_id_whose_ever_it_is_and_by_nothing_else() {
    let (database, _, seed) = seeded().await;
    let app = database.app().await;
    let find = "select tenant_id, role, tenant_status, revoked from app.find_api_key($1)";
    for tenant in &seed.tenants {
        let rows = app.query(find, &[&tenant.key]).await.expect("a look-up");
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].get::<_, Uuid>(0), tenant.id);
        assert_eq!((rows[0].get(1), rows[0].get(2), rows[0].get(3)), ("admin", "active", false));
    }
    for stranger in [Uuid::nil(), Uuid::now_v7(), seed.tenants[0].id] {
        assert!(app.query(find, &[&stranger]).await.expect("a look-up").is_empty(), "{stranger}");
    }
}

#[tokio::test]
async fn migrating_twice_applies_nothing_and_two_at_once_both_succeed() {
    let (one, other) = (TestDatabase::empty().await, TestDatabase::empty().await);
    let migrators = [one.migrator(), one.migrator(), other.migrator(), one.migrator()];
    let runs = futures_util::future::join_all(migrators.iter().map(|migrator| migrator.run(Command::Migrate))).await;
    let applied: Vec<_> =
        runs.into_iter().map(|run| run.expect("each succeeds")["applied"].as_array().expect("names").len()).collect();
    let all = supergate::db::migrations::MIGRATIONS.len();
    assert_eq!(applied.iter().sum::<usize>(), 2 * all, "each database gets each migration once: {applied:?}");
    assert_eq!(one.migrator().run(Command::Migrate).await.expect("a second run"), json!({"applied": []}));
}

#[tokio::test]
async fn the_ledger_has_partitions_for_this_month_and_a_year_ahead() {
    let database = TestDatabase::migrated().await;
    let expected = "select to_char(date_trunc('month', now() at time zone 'UTC') + n * interval '1 month', '\"usage_events_\"YYYY_MM')
                    from generate_series(0, 12) n";
    let found = "select inhrelid::regclass::text from pg_inherits where inhparent = 'usage_events'::regclass";
    let superuser = database.superuser().await;
    let names = async |query: &str| -> HashSet<String> {
        superuser.query(query, &[]).await.expect("the catalogue").iter().map(|row| row.get(0)).collect()
    };
    let (expected, found) = (names(expected).await, names(found).await);
    assert!(expected.is_subset(&found), "{expected:?} in {found:?}");
}

#[tokio::test]
async fn an_event_is_one_row_however_often_it_is_recorded() {
    let (database, superuser, seed) = seeded().await;
    let config = DatabaseConfig {
        url: database.app_url(),
        auth: DatabaseAuth::Url,
        connect_timeout: Duration::from_secs(5),
        ca_file: None,
    };
    let pool = Database::new(&config, 2).expect("a pool");
    let event = |since_epoch: Duration, attempt: i16| UsageEvent {
        tenant: TenantId::from_uuid(seed.tenants[0].id),
        request: RequestId::generate(since_epoch),
        attempt,
        created_at: OffsetDateTime::UNIX_EPOCH + since_epoch,
        actor: Actor::Key(KeyId::from_uuid(seed.tenants[0].key)),
        provider: "openai",
        model_requested: "m".into(),
        model: "m",
        model_served: None,
        streamed: false,
        status: 200,
        ended: Ended::Complete,
        tokens: Tokens::default(),
        usage_source: UsageSource::Provider,
        cost: Nanos(1),
        first_token: None,
        latency: Duration::ZERO,
    };
    let now = Duration::try_from(OffsetDateTime::now_utc() - OffsetDateTime::UNIX_EPOCH).expect("after 1970");
    let (first, second) = (event(now, 1), event(now + Duration::from_secs(1), 1));
    let retried = UsageEvent { attempt: 2, ..first.clone() };
    for event in [&first, &first, &second, &retried, &first] {
        ledger::record(&pool, event).await;
    }
    let rows = "select count(*) from usage_events where model = 'm' and provider = 'openai'";
    let count = async || superuser.query_one(rows, &[]).await.expect("a count").get::<_, i64>(0);
    assert_eq!(count().await, 3);

    // What lies outside every month is kept: no row is lost because a partition was not made in time.
    ledger::record(&pool, &event(Duration::from_secs(1), 1)).await;
    ledger::record(&pool, &event(now + Duration::from_secs(2 * 366 * 86_400), 1)).await;
    assert_eq!(count().await, 5);
}
