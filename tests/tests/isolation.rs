//! What keeps one tenant's data from another: policies, grants, the catalogue's laws, the one look-up without a tenant, and the
//! migrations that make all of it.

#[path = "isolation/caps.rs"]
mod caps;
#[path = "isolation/grants.rs"]
mod grants;
#[path = "isolation/identity.rs"]
mod identity;
#[path = "isolation/key_rights.rs"]
mod key_rights;
#[path = "isolation/laws.rs"]
mod laws;
#[path = "isolation/lookups.rs"]
mod lookups;
#[path = "isolation/matrix.rs"]
mod matrix;
#[path = "isolation/mutants.rs"]
mod mutants;
#[path = "isolation/notes.rs"]
mod notes;
#[path = "isolation/references.rs"]
mod references;
#[path = "isolation/route_table.rs"]
mod route_table;
#[path = "isolation/routes.rs"]
mod routes;
#[path = "isolation/seed.rs"]
mod seed;
#[path = "isolation/sessions.rs"]
mod sessions;

use laws::{DEFINITIONS, LAWS};
use matrix::{OWNER, Plan, ROLES, SIGN_IN, Tally};
use seed::Seed;
use serde_json::json;
use std::{collections::HashSet, sync::Arc, time::Duration};
use supergate::{
    clock::SystemClock,
    config::{DatabaseAuth, DatabaseConfig},
    db::Database,
    gateway::admin::migrate::Command,
    tenancy::{Actor, KeyId, RequestId, TenantId},
    usage::{
        Nanos, Tokens,
        ledger::{Ended, Ledger, Recorded, UsageEvent, UsageSource},
    },
};
use supergate_tests::{
    page,
    postgres::{TestDatabase, connect},
    table,
};
use time::OffsetDateTime;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage, error::SqlState};

async fn seeded() -> (TestDatabase, Client, Seed) {
    let database = TestDatabase::migrated().await;
    let superuser = database.superuser().await;
    let seed = Seed::plant(&superuser).await.unwrap_or_else(|error| panic!("{error}"));
    (database, superuser, seed)
}

/// All verbs for every role, and no foreign keys or triggers that would refuse first: so that the policies stand alone.
async fn leave_only_the_policies(superuser: &Client, seed: &Seed) {
    let mut sql =
        String::from("alter table api_keys disable trigger user; alter table usage_events disable trigger new_usage;");
    for table in &seed.tables {
        sql += &format!("grant select, insert, update, delete on {} to {};", table.name, SIGN_IN.join(", "));
    }
    sql += &format!("grant execute on function app.person_id() to {};", SIGN_IN.join(", "));
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
async fn everybody_reaches_their_own_rows_only_and_no_verb_that_is_not_granted() {
    let (database, superuser, seed) = seeded().await;
    let plan = Plan::read(&superuser, &seed).await;
    for role in SIGN_IN {
        let client = connect(&database.url(role)).await;
        client.batch_execute("begin").await.expect("a transaction");
        let tally = seed.check(&client, &plan, &[role]).await.unwrap_or_else(|error| panic!("{error}"));
        tell(&format!("{role}, with its own grants"), &seed, tally);
    }
}

#[tokio::test]
async fn the_policies_alone_keep_tenants_and_people_apart_for_every_role_and_for_the_owner() {
    let (_database, superuser, seed) = seeded().await;
    leave_only_the_policies(&superuser, &seed).await;
    let plan = Plan::read(&superuser, &seed).await;
    superuser.batch_execute("begin").await.expect("a transaction");
    for role in ROLES {
        let tally = seed.check(&superuser, &plan, &[role]).await.unwrap_or_else(|error| panic!("{error}"));
        tell(&format!("{role}, with every verb granted"), &seed, tally);
    }
    let controls = seed.control(&superuser).await.unwrap_or_else(|error| panic!("{error}"));
    println!("isolation: {controls} statements do what they say where nothing stands in their way");
}

fn tell(who: &str, seed: &Seed, Tally { allowed, denied }: Tally) {
    println!(
        "isolation: {:>2} tables x 4 verbs x {{nobody, own, other}} as {who:<42} {allowed:>4} allowed, {denied:>4} denied",
        seed.tables.len()
    );
}

#[tokio::test]
async fn every_look_up_gives_what_it_says_and_the_end_of_a_tenant_is_of_that_tenant() {
    let (_database, superuser, seed) = seeded().await;
    superuser.batch_execute("begin").await.expect("a transaction");
    let tried = lookups::check(&superuser, &seed).await.unwrap_or_else(|error| panic!("{error}"));
    println!("isolation: {tried} look-ups and what is left after the end of a tenant");
}

#[tokio::test]
async fn every_rule_is_missed_when_it_is_gone() {
    let (_database, superuser, seed) = seeded().await;
    let (_other_database, other, other_seed) = seeded().await;
    leave_only_the_policies(&superuser, &seed).await;
    let scores = [
        mutants::policies(&superuser, &seed).await,
        mutants::constraints(&other, &other_seed).await,
        mutants::grants(&other).await,
        sessions::mutants().await,
        mutants::caps(&other, &other_seed).await,
        mutants::notes(&other, &other_seed).await,
        mutants::definers(&other, &other_seed).await,
        // Last, because it stores keys.
        mutants::triggers(&other, &other_seed).await,
    ];
    for score in &scores {
        println!("isolation: {score}");
    }
    let sum = scores.iter().map(mutants::Score::killed).fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
    println!("isolation: {} of {} mutants killed, and {} laws each notice their breach", sum.0, sum.1, LAWS.len());
    let survivors: Vec<&String> = scores.iter().flat_map(|score| &score.survivors).collect();
    assert!(survivors.is_empty(), "nothing noticed: {survivors:#?}");
}

#[tokio::test]
async fn the_page_of_privileges_says_what_is_granted() {
    let database = TestDatabase::migrated().await;
    let superuser = database.superuser().await;
    for (name, head, query) in grants::SECTIONS {
        page::update("docs/privileges.md", name, &grants::section(&superuser, head, query).await);
    }
    grants::check(&superuser).await.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn no_role_reads_a_secret_that_is_not_its_own_to_read() {
    let (database, superuser, seed) = seeded().await;
    let mut denied = 0;
    for role in SIGN_IN {
        let client = connect(&database.url(role)).await;
        for (table, column, readers, why) in grants::SECRETS {
            let side = &seed.sides[0];
            let named = format!(
                "begin; select set_config('app.tenant_id', '{}', true), set_config('app.person_id', '{}', true)",
                side.tenant, side.person
            );
            let sql = format!("select {column} from {table} where {}", seed.table(table).rows_of(side));
            let outcome = client.simple_query(&format!("{named}; {sql}")).await;
            client.batch_execute("rollback").await.expect("an undo");
            let expected = if readers.contains(&role) { "00000" } else { "42501" };
            assert_eq!(outcome.as_ref().map_or_else(code, |_| "00000"), expected, "{role} and {table}.{column}: {why}");
            denied += usize::from(expected != "00000");
            let control = superuser.query(&sql, &[]).await.expect("the control");
            assert_eq!(control.len(), 1, "there is something to read: {sql}");
        }
    }
    println!("isolation: {denied} secrets closed to the roles that have no use for them");
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
    let tables = offenders("select relname::text from owned_tables").await;
    let parents = ["tenants", "api_keys", "usage_events", "people", "refresh_tokens", "provider_credentials"];
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
async fn whose_rows_are_meant_must_be_said_and_is_forgotten_with_the_transaction() {
    let (database, _, seed) = seeded().await;
    sessions::check(&database, &seed).await.unwrap_or_else(|error| panic!("{error}"));
}

#[tokio::test]
async fn another_tenants_secret_cannot_be_read_by_any_means_tried() {
    let (database, _, seed) = seeded().await;
    let app = database.app().await;
    let [own, other] = seed.sides.each_ref().map(|side| side.key.simple().to_string().repeat(2));
    let theirs = seed.sides[1].tenant;
    // By its id the look-up gives a key's hash to the functions' role, which is what it is for. An id is 74 random bits and the hash
    // is of 256 more.
    #[rustfmt::skip]
    let table = [
        ("select ciphertext from provider_credentials".to_owned(),                                             "read all"),
        (format!("select ciphertext from provider_credentials where tenant_id = '{theirs}' or true"),          "widen the condition"),
        ("select ciphertext from api_keys k full join provider_credentials c on true".to_owned(),               "join"),
        ("copy (select * from provider_credentials) to stdout".to_owned(),                               "copy"),
        ("copy provider_credentials to stdout".to_owned(),                                               "copy all"),
        ("select most_common_vals, histogram_bounds from pg_stats where tablename = 'provider_credentials'".to_owned(), "statistics"),
        ("select stavalues1 from pg_statistic".to_owned(),                                   "raw statistics"),
        ("set local row_security = off; select ciphertext from provider_credentials".to_owned(),               "switch policies off"),
        (format!("set local role {OWNER}; select ciphertext from provider_credentials"),                       "become the owner"),
        ("set local role supergate_auth; select ciphertext from provider_credentials".to_owned(),              "become the look-up"),
        ("set session authorization supergate_auth".to_owned(),                              "the same for the session"),
        ("alter table provider_credentials disable row level security".to_owned(),                       "disable policies"),
        ("create policy mine on provider_credentials using (true)".to_owned(),                           "add a policy"),
        ("create view public.mine as select * from provider_credentials".to_owned(),                     "a view"),
        ("create function app.mine() returns int language sql return 1".to_owned(),          "a function"),
        ("select app.set_tenant(tenant_id) from provider_credentials; select ciphertext from provider_credentials".to_owned(), "set what cannot be seen"),
        ("select * from app.find_api_key((select id from api_keys order by id desc limit 1))".to_owned(), "look up what cannot be seen"),
        ("select * from app.find_api_key(null)".to_owned(),                                  "look up nothing"),
        (format!("create function pg_temp.tell(bytea) returns bool language plpgsql cost 0.0000001
                  as $$ begin raise exception '%', encode($1, 'hex'); end $$;
                  select from provider_credentials where tenant_id = '{theirs}' and pg_temp.tell(ciphertext)"),"a cheap function that talks"),
        (format!("select from provider_credentials where tenant_id = '{theirs}' and 1 / (length(ciphertext) - 32) = 1"), "an error that talks"),
        (format!("select ciphertext::text::int from provider_credentials where tenant_id = '{theirs}'"),       "an error that quotes"),
    ];
    let set = format!("select app.set_tenant('{}')", seed.sides[0].tenant);
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
    let can = SIGN_IN.map(|role| (role, "00000"));
    let cannot = [OWNER, "supergate_auth"].map(|role| (role, "28000"));
    for (role, expected) in can.iter().chain(&cannot) {
        let outcome = tokio_postgres::connect(&database.url(role), NoTls).await;
        assert_eq!(outcome.as_ref().map_or_else(code, |_| "00000"), *expected, "{role}");
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
    let ledger = Ledger::new(pool, table::shared().await, Arc::new(SystemClock));
    let event = |since_epoch: Duration, attempt: i16| UsageEvent {
        tenant: TenantId::from_uuid(seed.sides[0].tenant),
        request: RequestId::generate(since_epoch),
        attempt,
        created_at: OffsetDateTime::UNIX_EPOCH + since_epoch,
        actor: Actor::Key(KeyId::from_uuid(seed.sides[0].key)),
        member: None,
        tags: vec!["a".into(), "b".into()],
        end_user: None,
        provider: "openai".into(),
        model_requested: "m".into(),
        model: "m".into(),
        model_served: None,
        streamed: false,
        status: 200,
        error_code: None,
        ended: Ended::Complete,
        tokens: Tokens::default(),
        usage_source: UsageSource::Provider,
        cost: Nanos(1),
        price_version: None,
        cache: None,
        saved: Nanos(0),
        saved_latency: None,
        first_token: None,
        latency: Duration::ZERO,
    };
    let now = Duration::try_from(OffsetDateTime::now_utc() - OffsetDateTime::UNIX_EPOCH).expect("after 1970");
    let (first, second) = (event(now, 1), event(now + Duration::from_secs(1), 1));
    let retried = UsageEvent { attempt: 2, ..first.clone() };
    for event in [&first, &first, &second, &retried, &first] {
        assert_eq!(ledger.record(std::slice::from_ref(event)).await, Recorded::Written);
    }
    let rows = "select count(*) from usage_events where model = 'm' and provider = 'openai'";
    let count = async || superuser.query_one(rows, &[]).await.expect("a count").get::<_, i64>(0);
    assert_eq!(count().await, 3);

    // What lies outside every month is kept: no row is lost because a partition was not made in time.
    let outside = [event(Duration::from_secs(1), 1), event(now + Duration::from_secs(2 * 366 * 86_400), 1)];
    assert_eq!(ledger.record(&outside).await, Recorded::Written);
    assert_eq!(count().await, 5);
}
