//! While the database is away, rows wait in the table; the sweeper brings them home, each once.

use http::Method;
use serde_json::{Value, json};
use supergate::gateway::sweeper::{Action, Command, Report, Sweeper};
use supergate_tests::{
    app::{App, MODELS},
    table,
};

/// An app with a table of its own.
async fn start() -> (App, String, Sweeper) {
    let table = table::own().await;
    let vars = [("SUPERGATE_TABLE", table.as_str())];
    let app = App::start_with(&vars).await;
    let sweeper = app.sweeper(&vars).await;
    (app, table, sweeper)
}

fn ask(model: &str, text: &str, stream: bool) -> Value {
    json!({"model": model, "messages": [{"role": "user", "content": text}], "stream": stream, "user": "someone"})
}

async fn sweep(sweeper: &Sweeper) -> Report {
    sweeper.run(Command::default(), None).await.expect("a sweep")
}

/// What waits, as `waiting#…` items.
async fn waiting(table: &str) -> usize {
    let items = table::items(table).await;
    items.iter().filter(|item| item["pk"].as_s().is_ok_and(|pk| pk.starts_with("waiting#"))).count()
}

#[tokio::test]
async fn rows_wait_while_the_database_is_away_and_come_home_once() {
    let (app, table, sweeper) = start().await;
    // Principals and credentials are remembered: callers do not notice.
    for model in MODELS {
        assert_eq!(app.chat(&ask(model, "hello", false)).await.status, 200, "{model}");
    }
    let before = app.usage_events().await.len();
    app.database.go_away().await;
    for model in MODELS {
        assert_eq!(app.chat(&ask(model, "hello", false)).await.status, 200, "{model}, without the database");
        assert!(app.chat(&ask(model, "mock:words=20", true)).await.stream().done, "{model}, streamed");
        assert!(
            app.chat(&ask(model, "mock:words=20 mock:cut=3", true)).await.stream().error.is_object(),
            "{model}, cut"
        );
    }
    let many: Vec<String> = (0..200).map(|n| format!("text {n}")).collect();
    let embedded = app.embed(&json!({"model": "cohere/embed-v4.0", "input": many, "user": "someone"})).await;
    assert_eq!(embedded.status, 200, "{}", embedded.text());
    let calls = 3 * MODELS.len() + 1;
    assert_eq!(waiting(&table).await, calls, "one item for each request, however many rows it has");

    assert!(sweeper.run(Command::default(), None).await.is_err(), "the database is still away");
    app.database.come_back().await;
    let report = sweep(&sweeper).await;
    assert_eq!((report.brought_home, report.failed, report.complete), (calls as u64, 0, true));
    let rows = app.usage_events().await;
    assert_eq!(rows.len() - before, app.mock.bill().len() - before, "one row for each call of a provider");
    assert_eq!(waiting(&table).await, 0);
    assert!(rows[before..].iter().all(|row| row["end_user"] == "someone" && row["tags"] == json!([])), "whole rows");

    assert_eq!(sweep(&sweeper).await.brought_home, 0, "and once is enough");
    assert_eq!(app.usage_events().await, rows);
}

#[tokio::test]
async fn a_row_that_is_home_and_still_waits_is_one_row() {
    let (app, table, sweeper) = start().await;
    assert_eq!(app.chat(&ask(MODELS[0], "hello", false)).await.status, 200);
    app.database.go_away().await;
    assert_eq!(app.chat(&ask(MODELS[0], "hello", false)).await.status, 200);
    app.database.come_back().await;
    let kept = table::items(&table).await.into_iter().filter(|item| item.contains_key("rows"));
    let kept: Vec<_> = kept.collect();
    sweep(&sweeper).await;
    let rows = app.usage_events().await;
    // As if the sweeper had been killed between writing and forgetting, or the item had been put twice.
    for item in kept {
        table::put(&table, item).await;
    }
    assert_eq!(sweep(&sweeper).await.brought_home, 1);
    assert_eq!((app.usage_events().await, waiting(&table).await), (rows, 0));
}

#[tokio::test]
async fn what_cannot_come_home_stays_and_keeps_nothing_else_waiting() {
    let (app, table, sweeper) = start().await;
    assert_eq!(app.chat(&ask(MODELS[0], "hello", false)).await.status, 200);
    app.database.go_away().await;
    assert_eq!(app.chat(&ask(MODELS[0], "hello", false)).await.status, 200);
    assert_eq!(app.chat(&ask(MODELS[0], "hello", false)).await.status, 200);
    app.database.come_back().await;
    let items = table::items(&table).await;
    let item = items.into_iter().find(|item| item.contains_key("rows")).expect("rows that wait");
    let rows = item["rows"].as_s().expect("rows").clone();
    let tenant = app.tenant_id.trim_start_matches("ten_").parse::<uuid::Uuid>().expect("an id").to_string();
    #[rustfmt::skip]
    let others = [
        ("garbled",  rows[1..].to_owned(),                                                      "it cannot be read"),
        ("unlikely", rows.replace("\"complete\"", "\"devoured\""),                              "the database does not take it"),
        ("orphan",   rows.replace(&tenant, "01890000-0000-7000-8000-000000000001"),             "its tenant is gone"),
    ];
    for (request, rows, _) in &others {
        let mut item = item.clone();
        item.insert("sk".into(), aws_sdk_dynamodb::types::AttributeValue::S((*request).into()));
        item.insert("rows".into(), aws_sdk_dynamodb::types::AttributeValue::S(rows.clone()));
        table::put(&table, item).await;
    }
    let report = sweep(&sweeper).await;
    assert_eq!((report.brought_home, report.dropped, report.failed), (2, 1, 2), "{others:?}");
    assert_eq!(app.usage_events().await.len(), 3);
    assert_eq!(waiting(&table).await, 2, "a person can still read them");
}

#[tokio::test]
async fn what_has_expired_goes_what_has_not_stays_and_partitions_come() {
    let (app, _, sweeper) = start().await;
    let superuser = app.database.superuser().await;
    superuser
        .batch_execute(
            "insert into people (id, email, name) values (gen_random_uuid(), 'a@example.com', 'a');
             insert into refresh_tokens (id, person_id, family, hash, expires_at)
                 select gen_random_uuid(), id, gen_random_uuid(), sha256('x'), now() + n * interval '1 hour'
                 from people, generate_series(-1500, 2) n;
             insert into invitations (id, tenant_id, email, role, hash, expires_at)
                 select gen_random_uuid(), id, 'b@example.com', 'member', sha256('y'), now() - interval '1 minute' from tenants;
",
        )
        .await
        .expect("rows");
    let partitions = "select c.relname::text from pg_inherits join pg_class c on c.oid = inhrelid
                      where inhparent = 'usage_events'::regclass and c.relname <> 'usage_events_default' order by 1";
    let names = async || -> Vec<String> {
        superuser.query(partitions, &[]).await.expect("the catalogue").iter().map(|row| row.get(0)).collect()
    };
    let all = names().await;
    superuser.batch_execute(&format!("drop table {}, {}", all[3], all[9])).await.expect("to be dropped");
    let tidy = || sweeper.run(Command { action: Action::Tidy }, None);
    let report = tidy().await.expect("a sweep");
    let count = async |sql: &str| superuser.query_one(sql, &[]).await.expect("a count").get::<_, i64>(0);
    assert_eq!(count("select count(*) from refresh_tokens").await, 2, "those of the coming hours");
    assert_eq!(count("select count(*) from invitations").await, 0);
    let tenants = count("select count(*) from tenants").await;
    assert_eq!((report.expired, report.complete), (1501 + u64::try_from(tenants).expect("a count"), true));
    assert_eq!(tidy().await.expect("a sweep"), Report { complete: true, ..Report::default() }, "nothing is left");
    assert_eq!((report.partitions, names().await), (2, all.clone()), "what is missing of the coming months is made");
    let isolated = format!(
        "select count(*) from pg_policy p join pg_class c on c.oid = p.polrelid where c.relname in ('{}', '{}') \
         and c.relrowsecurity and c.relforcerowsecurity and pg_get_userbyid(c.relowner) = 'supergate_owner'",
        all[3], all[9]
    );
    assert_eq!(count(&isolated).await, 2, "as the migration makes them");
}

#[tokio::test]
async fn one_tenants_trouble_keeps_nobody_else_waiting() {
    let (app, _, sweeper) = start().await;
    let made = app.call(Method::POST, "/v1/tenant", &app.operator_key, &json!({"name": "behind it"})).await.json();
    let key = made["api_key"].as_str().expect("a key");
    assert_eq!(app.chat(&ask(MODELS[0], "hello", false)).await.status, 200);
    assert_eq!(app.call(Method::POST, "/v1/chat/completions", key, &ask(MODELS[0], "hello", false)).await.status, 200);
    let superuser = app.database.superuser().await;
    let uuid = |id: &str| id.trim_start_matches("ten_").to_owned();
    let (poisoned, behind) = (uuid(&app.tenant_id), uuid(made["id"].as_str().expect("an id")));
    let poison = format!(
        "create function public.poison() returns trigger language plpgsql as $$ begin
             if new.tenant_id = '{poisoned}' then raise exception 'poisoned'; end if;
             return new;
         end $$;
         create trigger poison before insert or update on usage_hours for each row execute function public.poison()"
    );
    superuser.batch_execute(&poison).await.expect("a trigger");
    let sums = async |tenant: &str| -> i64 {
        let count = format!("select count(*) from usage_hours where tenant_id = '{tenant}'");
        superuser.query_one(&count, &[]).await.expect("a count").get(0)
    };

    let report = sweep(&sweeper).await;
    assert_eq!((report.failed, report.complete), (1, true));
    assert_eq!(sums(&poisoned).await, 0, "its sums cannot be written");
    assert!(sums(&behind).await > 0, "who comes after it has theirs");
    superuser.batch_execute("drop trigger poison on usage_hours").await.expect("no trigger");
    assert_eq!(app.chat(&ask(MODELS[0], "hello", false)).await.status, 200);
    assert_eq!(sweep(&sweeper).await.failed, 0);
    assert!(sums(&poisoned).await > 0, "and then it has its own");
}
