//! Whose rows are meant is said in each transaction, and forgotten with it.

use super::{
    code,
    matrix::{APP, PEOPLE},
    mutants::Score,
    seed::{Scope, Seed},
};
use supergate_tests::postgres::{TestDatabase, connect};
use tokio_postgres::{
    Client, SimpleQueryMessage,
    types::{ToSql, Type},
};
use uuid::Uuid;

/// Parameters with their types, as the gateway sends them.
type Params<'a> = &'a [(&'a (dyn ToSql + Sync), Type)];

/// Two kinds of "who": as which role, the word for it, and a table of such rows.
const KINDS: [(Scope, &str, &str, &str); 2] =
    [(Scope::Tenant, APP, "tenant", "api_keys"), (Scope::Person, PEOPLE, "person", "refresh_tokens")];

/// Tries it for tenants and for people.
///
/// # Errors
/// The first statement that did not end as it must.
pub async fn check(database: &TestDatabase, seed: &Seed) -> Result<(), String> {
    for (scope, role, word, table) in KINDS {
        let client = connect(&database.url(role)).await;
        let ids = seed.sides.map(|side| if scope == Scope::Tenant { side.tenant } else { side.person });
        said_and_forgotten(&client, word, table, ids).await?;
        pooled(&client, word, table, ids).await?;
        let empty = TestDatabase::migrated().await;
        nobody_in_empty_tables(&connect(&empty.url(role)).await, scope).await?;
    }
    Ok(())
}

async fn said_and_forgotten(client: &Client, word: &str, table: &str, ids: [Uuid; 2]) -> Result<(), String> {
    let read = format!("select from {table}");
    let [one, other] = ids.map(|id| format!("select app.set_{word}('{id}')"));
    #[rustfmt::skip]
    let steps = [
        (format!("begin; {one}; {read}; commit"),                        "00000", "who is named sees their rows"),
        (read.clone(),                                                   "42501", "the commit ended it"),
        (format!("begin; {one}; {read}; rollback"),                      "00000", "who is named sees their rows"),
        (read.clone(),                                                   "42501", "the rollback ended it"),
        (format!("begin; {one}; select 1/0"),                            "22012", "a failed statement"),
        (format!("rollback; {read}"),                                    "42501", "and its rollback ended it"),
        (format!("begin; savepoint a; {one}; rollback to a; {read}"),    "42501", "so does a savepoint's"),
        ("rollback".to_owned(),                                          "00000", "next"),
        (format!("begin; {one}; {other}; {read}; commit"),               "00000", "the last named counts"),
        (format!("select app.set_{word}(null)"),                         "42501", "nobody is not somebody"),
        (format!("begin; {one}; select app.set_{word}(null)"),           "42501", "nor after somebody"),
        (format!("rollback; begin; {read}"),                             "42501", "a transaction alone names nobody"),
        (format!("rollback; select app.set_{word}('')"),                 "22P02", "nothing is nobody"),
        (format!("begin; set local app.{word}_id = ''; {read}"),         "42501", "an empty setting is none"),
        (format!("rollback; begin; set local app.{word}_id = 'all'; {read}"), "22P02", "nor is a word"),
        ("rollback".to_owned(),                                          "00000", "the end"),
    ];
    for (sql, expected, why) in steps {
        let outcome = client.simple_query(&sql).await;
        let found = outcome.as_ref().map_or_else(code, |_| "00000");
        if found != expected {
            return Err(format!("{why}: {found} in place of {expected}: {sql}"));
        }
    }
    Ok(())
}

/// A connection that goes from one to the next carries nobody along.
async fn pooled(client: &Client, word: &str, table: &str, ids: [Uuid; 2]) -> Result<(), String> {
    let column = if word == "tenant" { "tenant_id" } else { "person_id" };
    let (set, read) = (format!("select app.set_{word}($1)"), format!("select {column} from {table}"));
    for _ in 0..3 {
        for id in &ids {
            // As `TenantTx` does it: all four in one round trip.
            let who: Params<'_> = &[(id, Type::UUID)];
            let (begun, set, rows, committed) = tokio::join!(
                client.batch_execute("begin"),
                client.query_typed(&set, who),
                client.query_typed(&read, &[]),
                client.batch_execute("commit"),
            );
            begun.and(committed).and(set.map(drop)).map_err(|error| error.to_string())?;
            let seen: Vec<Uuid> = rows.map_err(|error| error.to_string())?.iter().map(|row| row.get(0)).collect();
            let after = client.query_typed(&read, &[]).await;
            if seen != [*id] || after.as_ref().map_or_else(code, |_| "00000") != "42501" {
                return Err(format!("{id} sees {seen:?}, and afterwards there is {after:?}"));
            }
        }
    }
    Ok(())
}

/// Nobody is an error where no row would be found too.
async fn nobody_in_empty_tables(client: &Client, scope: Scope) -> Result<(), String> {
    let nil = Uuid::nil();
    let table: &[(String, &str)] = match scope {
        Scope::Tenant => &[
            ("select from provider_credentials".to_owned(), "an empty table"),
            ("select from api_keys".to_owned(), "an empty table"),
            ("select from usage_events".to_owned(), "empty partitions"),
            (format!("select from api_keys where id = '{nil}'"), "an index without a match"),
            (format!("select from usage_events where request_id = '{nil}'"), "an id of no month"),
        ],
        Scope::Person => &[
            ("select from people".to_owned(), "an empty table"),
            ("select from refresh_tokens".to_owned(), "an empty table"),
            (format!("select from people where id = '{nil}'"), "an index without a match"),
        ],
    };
    for (sql, why) in table {
        let outcome = client.simple_query(sql).await;
        let rows = outcome.iter().flatten().any(|message| matches!(message, SimpleQueryMessage::Row(_)));
        if rows || outcome.as_ref().map_or_else(code, |_| "00000") != "42501" {
            return Err(format!("{why}: {sql}"));
        }
    }
    Ok(())
}

/// A name that outlives its transaction, and no name as no error: each in a database of its own, because it takes a commit to tell.
pub async fn mutants() -> Score {
    let database = TestDatabase::migrated().await;
    let superuser = database.superuser().await;
    let mut mutants = Vec::new();
    for word in ["tenant", "person"] {
        for (function, from, to) in [
            (format!("app.set_{word}(uuid)"), ", true)", ", false)"),
            (format!("app.set_{word}(uuid)"), "is null", "is null and false"),
            (format!("app.{word}_id()"), " or PLACE = ''", ""),
        ] {
            let sql = format!("select pg_get_functiondef('{function}'::regprocedure)");
            let body: String = superuser.query_one(&sql, &[]).await.expect("the catalogue").get(0);
            let from = from.replace("PLACE", word);
            assert!(body.contains(&from), "{function} is not written like this any more: {from}");
            mutants.push(body.replace(&from, to));
        }
    }
    let mut survivors = Vec::new();
    for mutant in &mutants {
        let database = TestDatabase::migrated().await;
        let superuser = database.superuser().await;
        let seed = Seed::plant(&superuser).await.unwrap_or_else(|error| panic!("{error}"));
        superuser.batch_execute(mutant).await.unwrap_or_else(|error| panic!("{mutant}: {error:?}"));
        if check(&database, &seed).await.is_ok() {
            survivors.push(mutant.clone());
        }
    }
    Score::new("who is meant ends with the transaction", mutants.len(), survivors)
}
