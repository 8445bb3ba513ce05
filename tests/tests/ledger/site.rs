//! A stack with gates around its functions, so that their processes can be stopped and killed at named places.

use futures_util::future::join_all;
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    gate::{
        DatabaseGate,
        Side::{self, Broken},
        Stop, TableGate, UpstreamGate,
    },
    kms,
    lambda::{Function, InvokeError, Reply, Stack, Version, http_event},
    postgres::connect,
    table,
};
use tokio_postgres::Client;
use uuid::Uuid;

/// More than anything here takes.
pub const SOON: Duration = Duration::from_secs(60);
const MODEL: &str = "openai/gpt-4o-mini";

/// What a process is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// For an answer.
    Plain,
    /// For one in pieces.
    Streamed,
    /// For an answer, once: with an idempotency key that no other process has.
    Keyed,
    /// The same with this key.
    KeyedAs(&'static str),
    /// For so many vectors that it takes several calls.
    Vectors,
}

/// Where a process is killed.
#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// At a call of DynamoDB that contains these.
    Table(Side, &'static [&'static str]),
    /// At the insert of rows.
    Database(Side),
    /// The database breaks at the insert; then this.
    TableWithoutDatabase(Side),
    /// At a request, or a piece of an answer, that contains this.
    Upstream(Side, &'static str),
}
use Place::{Database, Table, TableWithoutDatabase, Upstream};

const INSERTS: &[&str] = &["insert into usage_events"];

/// The stack and its gates.
pub struct Site {
    /// The functions, and what they need.
    pub stack: Stack,
    /// The table of these functions.
    pub table: String,
    to_table: TableGate,
    to_database: DatabaseGate,
    to_upstream: UpstreamGate,
    superuser: Client,
}

impl Site {
    /// Builds one: a tenant with a budget, and a key with limits of its own.
    pub async fn build() -> Self {
        let (stack, table) = (Stack::start().await, table::own().await);
        let mock = stack.mock_url().trim_start_matches("http://").parse().expect("an address");
        let superuser = connect(&stack.database_url()).await;
        superuser
            .batch_execute(
                "update api_keys set requests_per_minute = 1000000000 where role <> 'operator';
                 insert into budgets (tenant_id, id, limit_nanos, period, hard)
                     select id, gen_random_uuid(), 1000000000000000, 'total', true from tenants where id <> app.platform_tenant()",
            )
            .await
            .expect("a budget and a limit");
        let (to_table, to_database) = (TableGate::start().await, DatabaseGate::start().await);
        Self { to_upstream: UpstreamGate::start(mock).await, stack, table, to_table, to_database, superuser }
    }

    /// Shuts the gate where the place is, and opens the others.
    fn shut(&self, place: Option<Place>) {
        let (mut table, mut database, mut upstream) = (None, None, None);
        match place {
            Some(Table(side, words)) => table = Some(Stop::at(side, words)),
            Some(Database(side)) => database = Some(Stop::at(side, INSERTS)),
            Some(TableWithoutDatabase(side)) => {
                database = Some(Stop::at(Broken, INSERTS));
                table = Some(Stop::at(side, &["PutItem"]));
            }
            Some(Upstream(side, word)) => upstream = Some(Stop { words: vec![word], side }),
            None => {}
        }
        self.to_table.shut(table);
        self.to_database.shut(database);
        self.to_upstream.shut(upstream);
    }

    /// Waits until so many processes stand at the place.
    async fn reached(&self, place: Place, processes: usize) {
        match place {
            Table(..) | TableWithoutDatabase(_) => self.to_table.reached(processes).await,
            Database(_) => self.to_database.reached(processes).await,
            Upstream(..) => self.to_upstream.reached(processes).await,
        }
    }

    /// Starts the function that serves it.
    pub async fn function(&self, ask: Ask) -> Function {
        let name = if ask == Ask::Vectors { "embeddings" } else { "chat-completions" };
        let launch = self
            .stack
            .function(name)
            .env("SUPERGATE_COHERE_URL", format!("{}/cohere", self.to_upstream.url()))
            .env("DATABASE_URL", self.to_database.url("supergate_app", self.stack.database()))
            .env("AWS_ENDPOINT_URL_DYNAMODB", self.to_table.url())
            .env("SUPERGATE_TABLE", &self.table)
            .env("SUPERGATE_OPENAI_URL", format!("{}/openai", self.to_upstream.url()));
        launch.start().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// Starts the sweeper.
    pub async fn sweeper(&self, through_gates: bool) -> Function {
        let mut launch = self.stack.function("sweeper").env("SUPERGATE_TABLE", &self.table);
        if through_gates {
            launch = launch
                .env("DATABASE_URL", self.to_database.url("supergate_sweeper", self.stack.database()))
                .env("AWS_ENDPOINT_URL_DYNAMODB", self.to_table.url());
        }
        launch.start().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// What is asked.
    pub fn event(&self, ask: Ask) -> Value {
        let authorization = format!("Bearer {}", self.stack.api_key());
        let key = match ask {
            Ask::Keyed => Uuid::now_v7().to_string(),
            Ask::KeyedAs(key) => key.to_owned(),
            Ask::Plain | Ask::Streamed | Ask::Vectors => String::new(),
        };
        let mut headers = vec![("authorization", authorization.as_str()), ("content-type", "application/json")];
        headers.extend((!key.is_empty()).then_some(("idempotency-key", key.as_str())));
        let streamed = ask == Ask::Streamed;
        let (path, body) = if ask == Ask::Vectors {
            let input: Vec<String> = (0..250).map(|number| format!("text number {number}")).collect();
            ("/v1/embeddings", json!({"model": "cohere/embed-v4.0", "input": input}))
        } else {
            let body = json!({
                "model": MODEL, "messages": [{"role": "user", "content": "mock:words=20"}], "stream": streamed, "max_completion_tokens": 100,
                "stream_options": streamed.then(|| json!({"include_usage": true})),
            });
            ("/v1/chat/completions", body)
        };
        http_event("POST", path, &headers, body.to_string(), Version::V2)
    }

    /// Starts so many processes, lets each serve one request until it stands at the place, and kills them there.
    pub async fn kill_at(&self, processes: usize, streamed: bool, place: Place) {
        self.kill_asked(processes, if streamed { Ask::Streamed } else { Ask::Plain }, place).await;
    }

    /// The same with any request.
    pub async fn kill_asked(&self, processes: usize, ask: Ask, place: Place) {
        self.shut(Some(place));
        let functions = join_all((0..processes).map(|_| self.function(ask))).await;
        let serving = join_all(functions.iter().map(async |function| {
            let reply: Result<Reply, InvokeError> = function.try_invoke(&self.event(ask), SOON).await;
            if let Ok(reply) = reply {
                drop(reply.bytes().await);
            }
        }));
        let killing = async {
            self.reached(place, processes).await;
            join_all(functions.iter().map(Function::kill)).await
        };
        let killed = tokio::time::timeout(SOON, async { tokio::join!(serving, killing) }).await;
        let logs = || functions.iter().flat_map(Function::logs).collect::<Vec<_>>().join("\n");
        killed.unwrap_or_else(|_| panic!("{place:?} was not reached:\n{}", logs()));
        self.shut(None);
    }

    /// Starts a sweeper, and kills it at the place.
    ///
    /// # Panics
    /// If it comes to its end without getting there.
    pub async fn kill_sweeper_at(&self, place: Place) {
        self.shut(Some(place));
        let sweeper = self.sweeper(true).await;
        let event = json!({});
        tokio::select! {
            reply = sweeper.try_invoke(&event, SOON) => match reply {
                Ok(reply) => panic!("{place:?} was not reached: {}", reply.text().await),
                Err(error) => panic!("{place:?} was not reached: {error}\n{}", sweeper.logs().join("\n")),
            },
            () = self.reached(place, 1) => {}
        }
        sweeper.kill().await;
        self.shut(None);
    }

    /// All rows of the ledger.
    pub async fn rows(&self) -> Vec<Value> {
        let rows =
            self.superuser.query("select to_jsonb(e) from usage_events e order by request_id, attempt", &[]).await;
        rows.expect("the ledger").iter().map(|row| row.get(0)).collect()
    }

    /// What the provider has billed: tokens of prompts and of answers, call by call.
    pub async fn bill(&self) -> Vec<(u64, u64)> {
        let bill = kms::client().get(format!("{}/_bill", self.stack.mock_url())).send().await.expect("the mock");
        let bill: Vec<Value> = serde_json::from_slice(&bill.bytes().await.expect("a bill")).expect("JSON");
        let count = |call: &Value, name: &str| call[name].as_u64().expect("a count");
        bill.iter().map(|call| (count(call, "input_tokens"), count(call, "output_tokens"))).collect()
    }

    /// What the tenant's budget has been charged, nothing of it reserved any more.
    pub async fn charged(&self) -> i64 {
        assert_eq!(table::reservations(&self.table).await, Vec::<String>::new(), "reservations at rest");
        let items = table::items(&self.table).await;
        let tenant = items.iter().find(|item| item["sk"].as_s().is_ok_and(|sk| sk == "tenant"));
        assert!(
            items.iter().all(|item| item.get("f").is_none_or(|f| f.as_n().is_ok_and(|f| f == "0"))),
            "requests in flight"
        );
        let budget = tenant.into_iter().flatten().find(|(name, _)| name.starts_with('c'));
        let budget = budget.map(|(_, value)| value.as_n().expect("a number"));
        budget.map_or(0, |number| number.parse().expect("nano-dollars"))
    }
}
