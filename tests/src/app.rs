//! The functions in the test's own process: real handlers, real Postgres, the mock upstream, and a clock that the test turns.

use crate::{
    bill, kms, leaks,
    mock::MockUpstream,
    postgres::{PEPPER, TestDatabase},
};
use bytes::Bytes;
use futures_util::StreamExt;
use http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};
use supergate::{
    cache::embed::MiniLm,
    clock::Clock,
    config::{Config, OfficeConfig, PeopleConfig, RotationConfig, SweeperConfig},
    crypto::kms::MasterKey,
    error::GatewayError,
    gateway::{
        Gateway,
        admin::{
            Office, audit,
            budgets::{self, Budgets},
            cache::{self, CacheOffice},
            credentials, keys,
            migrate::Command,
            prices,
            rotation::Rotation,
            tenant, usage,
        },
        after_response::AfterResponse,
        call::{Call, Reply, ReplyBody},
        chat, embeddings, models,
        people::{self, People},
        sweeper::Sweeper,
    },
    web::{self, Function},
};

/// The local stack's KMS key.
pub const KMS_KEY: &str = "alias/supergate-local";
/// With which access tokens are signed. Not a secret: who trusts it lives for seconds.
pub const TOKEN_SECRET: &str = "ffeeddccbbaa99887766554433221100ffeeddccbbaa99887766554433221100";

/// The providers and the variables of their keys.
pub const PROVIDERS: [(&str, &str); 5] = [
    ("openai", "OPENAI_API_KEY"),
    ("anthropic", "ANTHROPIC_API_KEY"),
    ("google", "GEMINI_API_KEY"),
    ("cohere", "CO_API_KEY"),
    ("mistral", "MISTRAL_API_KEY"),
];

/// A model of each provider.
pub const MODELS: [&str; 5] = [
    "openai/gpt-4o-mini",
    "anthropic/claude-haiku-4-5",
    "google/gemini-2.5-flash",
    "cohere/command-a-03-2025",
    "mistral/mistral-small-latest",
];

/// A clock that starts now and moves when it is told to, and a little with real time so that latencies are not zero.
#[derive(Default)]
pub struct TestClock {
    turned_ms: AtomicU64,
}

impl TestClock {
    /// Moves the clock.
    pub fn advance(&self, by: Duration) {
        self.turned_ms.fetch_add(u64::try_from(by.as_millis()).expect("a short time"), Ordering::SeqCst);
    }

    fn turned(&self) -> Duration {
        Duration::from_millis(self.turned_ms.load(Ordering::SeqCst))
    }
}

impl Clock for TestClock {
    fn since_epoch(&self) -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970") + self.turned()
    }

    fn monotonic(&self) -> Duration {
        self.since_epoch()
    }
}

/// A gateway with a database, a tenant and a key of its own.
pub struct App {
    /// The providers, as the gateway sees them.
    pub mock: MockUpstream,
    /// Its database.
    pub database: TestDatabase,
    /// Its clock.
    pub clock: Arc<TestClock>,
    /// The tenant's first key, an owner's.
    pub api_key: String,
    /// As `ten_…`.
    pub tenant_id: String,
    /// A key of the platform's operators.
    pub operator_key: String,
    gateway: Arc<Gateway>,
    office: Arc<Office>,
    budgets: Arc<Budgets>,
    cache: Arc<CacheOffice>,
    people: Arc<People>,
    master_key: Arc<MasterKey>,
    /// Why the ledger need not be what the providers bill; none: it must.
    unbilled: Mutex<Option<String>>,
}

impl Drop for App {
    fn drop(&mut self) {
        let is_billed = self.unbilled.get_mut().is_ok_and(|why| why.is_none());
        if !thread::panicking() {
            let ledger = self.database.look_at_the_end();
            let problems = if is_billed { bill::compare(&ledger, &self.mock.whole_bill()) } else { Vec::new() };
            assert!(problems.is_empty(), "the ledger is not what the providers bill:\n{}", problems.join("\n"));
        }
        leaks::assert_none();
    }
}

/// What a caller got.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, in the pieces in which it came.
    pub pieces: Vec<Bytes>,
}

impl App {
    /// Starts one.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// Starts one with variables that differ; an empty value removes one. A `DATABASE_URL` is the inference functions' alone.
    pub async fn start_with(vars: &[(&str, &str)]) -> Self {
        leaks::watch();
        let database = TestDatabase::migrated().await;
        let mock = MockUpstream::start().await.expect("a free port");
        let new = json!({"action": "create_tenant", "name": "test", "key_name": "test"});
        let tenant = database.migrator().run(command(new)).await.expect("a tenant");
        let operator = database.migrator().run(command(json!({"action": "create_operator_key"}))).await.expect("a key");
        let clock = Arc::new(TestClock::default());
        let gateway = gateway(&database, &mock, Arc::clone(&clock), vars).await;
        let vars: Vec<_> = vars.iter().copied().filter(|(name, _)| *name != "DATABASE_URL").collect();
        let vars = vars.as_slice();
        let master_key = master_key(&database, vars).await;
        let office = Arc::new(Office::new(office_config(&database, vars), clock.clone(), 4).expect("an office"));
        let budgets = budgets(&database, vars, &clock).await;
        let cache = cache_office(&database, vars, &clock).await;
        let people = people_config(&database, vars);
        let people = Arc::new(People::new(people, clock.clone(), 4).await.expect("the auth function"));
        let text = |answer: &Value, name: &str| answer[name].as_str().expect(name).to_owned();
        let app = Self {
            mock,
            database,
            clock,
            api_key: text(&tenant, "api_key"),
            tenant_id: text(&tenant, "tenant_id"),
            operator_key: text(&operator, "api_key"),
            gateway,
            office,
            budgets,
            cache,
            people,
            master_key,
            unbilled: Mutex::default(),
        };
        app.note_other_providers(vars);
        app.store_platform_keys(vars).await;
        app
    }

    /// Says why the ledger of this test need not be what the providers bill, which is compared when the test ends.
    pub fn unbilled(&self, why: &str) {
        *self.unbilled.lock().expect("a reason") = Some(why.to_owned());
    }

    fn note_other_providers(&self, vars: &[(&str, &str)]) {
        if vars.iter().any(|(name, _)| name.starts_with("SUPERGATE_") && name.ends_with("_URL")) {
            self.unbilled("its providers are not the mock, which has the bill");
        }
    }

    /// The platform's keys for the providers, by the way that operators go. `none` stands for a provider without one.
    async fn store_platform_keys(&self, vars: &[(&str, &str)]) {
        for (provider, variable) in PROVIDERS {
            let given = vars.iter().find(|(name, _)| *name == variable).map(|(_, key)| (*key).to_owned());
            let api_key = given.unwrap_or_else(|| provider_key(provider));
            if api_key == "none" {
                continue;
            }
            let body = json!({"provider": provider, "api_key": api_key});
            let answer = self.call(Method::POST, "/v1/tenant/keys", &self.operator_key, &body).await;
            assert_eq!(answer.status, StatusCode::CREATED, "{provider}: {}", answer.text());
        }
    }

    /// Calls a route with somebody's key; a null body is none.
    pub async fn call(&self, method: Method, path: &str, key: &str, body: &Value) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/json");
        let body = match body {
            Value::Null => lambda_http::Body::Empty,
            body => lambda_http::Body::Text(body.to_string()),
        };
        self.send(request.body(body).expect("a request")).await
    }

    /// A second process of the same deployment: the same database, nothing remembered.
    pub async fn restart(&mut self) {
        self.restart_with(&[]).await;
    }

    /// The same, with variables that differ, for every function.
    pub async fn restart_with(&mut self, vars: &[(&str, &str)]) {
        self.note_other_providers(vars);
        self.gateway = gateway(&self.database, &self.mock, Arc::clone(&self.clock), vars).await;
        self.master_key = master_key(&self.database, vars).await;
        let config = office_config(&self.database, vars);
        self.office = Arc::new(Office::new(config, self.clock.clone(), 4).expect("an office"));
        self.budgets = budgets(&self.database, vars, &self.clock).await;
        self.cache = cache_office(&self.database, vars, &self.clock).await;
    }

    /// The rotation over this database.
    pub async fn rotation(&self, vars: &[(&str, &str)]) -> Rotation {
        let vars = with_defaults(vars, self.database.url("supergate_rotation"));
        let config = RotationConfig::load(&|name| vars.get(name).cloned()).expect("a complete configuration");
        Rotation::new(config, self.clock.clone()).await.expect("a rotation")
    }

    /// The sweeper over this database.
    pub async fn sweeper(&self, vars: &[(&str, &str)]) -> Sweeper {
        let vars = with_defaults(vars, self.database.url("supergate_sweeper"));
        let config = SweeperConfig::load(&|name| vars.get(name).cloned()).expect("a complete configuration");
        Sweeper::new(config, self.clock.clone()).await.expect("a sweeper")
    }

    /// Another process of the auth function, with variables that differ.
    pub async fn restart_auth_with(&mut self, vars: &[(&str, &str)]) {
        let config = people_config(&self.database, vars);
        self.people = Arc::new(People::new(config, self.clock.clone(), 4).await.expect("the auth function"));
    }

    /// Asks for a completion with the tenant's key.
    pub async fn chat(&self, body: &Value) -> Answer {
        self.chat_raw(body.to_string()).await
    }

    /// Asks for a completion with a body as it is.
    pub async fn chat_raw(&self, body: impl Into<String>) -> Answer {
        self.send(self.chat_request(body)).await
    }

    /// A chat request with the tenant's key, to be changed.
    pub fn chat_request(&self, body: impl Into<String>) -> Request<lambda_http::Body> {
        Request::post("/v1/chat/completions")
            .header("authorization", format!("Bearer {}", self.api_key))
            .header("content-type", "application/json")
            .body(lambda_http::Body::Text(body.into()))
            .expect("a request")
    }

    /// Asks for embeddings with the tenant's key.
    pub async fn embed(&self, body: &Value) -> Answer {
        let mut request = self.chat_request(body.to_string());
        *request.uri_mut() = http::Uri::from_static("/v1/embeddings");
        self.send(request).await
    }

    /// Sends a GET with the tenant's key.
    pub async fn get(&self, path: &str) -> Answer {
        let request = Request::get(path).header("authorization", format!("Bearer {}", self.api_key));
        self.send(request.body(lambda_http::Body::Empty).expect("a request")).await
    }

    /// Sends a request to the function that its path belongs to, reads the whole answer, and then does what is left to do, as Lambda
    /// would.
    pub async fn send(&self, request: Request<lambda_http::Body>) -> Answer {
        let sent = format!("{} {}", request.uri(), String::from_utf8_lossy(request.body()));
        let (response, after) = self.begin(request).await;
        let (parts, body) = response.into_parts();
        let pieces = body.collect().await;
        after.run().await;
        let answer = Answer { status: parts.status, headers: parts.headers, pieces };
        if answer.status.as_u16() >= 400 {
            leaks::check_error(&sent, &answer.text());
        }
        answer
    }

    /// Sends a request and gives the answer before its body was read, with the work that is left.
    pub async fn begin(&self, request: Request<lambda_http::Body>) -> (http::Response<ReplyBody>, AfterResponse) {
        let after = AfterResponse::default();
        let gateway = Arc::clone(&self.gateway);
        if ["/v1/chat/completions", "/v1/embeddings"].contains(&request.uri().path()) {
            leaks::note_prompts(request.body());
        }
        let response = if request.uri().path().starts_with("/v1/models") {
            let handler = move |call| {
                let gateway = Arc::clone(&gateway);
                async move { models::read(&gateway, call).await }
            };
            self.function("models", &[web::GET], handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/tenant/keys") {
            let (office, master_key) = (Arc::clone(&self.office), Arc::clone(&self.master_key));
            let handler = move |call| {
                let (office, master_key) = (Arc::clone(&office), Arc::clone(&master_key));
                async move { credentials::answer(&office, &master_key, call).await }
            };
            let methods = &[web::GET, web::POST, web::PUT, web::DELETE];
            self.function("provider-keys", methods, handler).answer(request, after.clone()).await
        } else if ["/v1/budgets", "/v1/limits"].iter().any(|route| request.uri().path().starts_with(route)) {
            let budgets = Arc::clone(&self.budgets);
            let handler = move |call| {
                let budgets = Arc::clone(&budgets);
                async move { budgets::answer(&budgets, call).await }
            };
            let methods = &[web::GET, web::POST, web::PUT, web::PATCH, web::DELETE];
            self.function("budgets", methods, handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/cache") {
            let office = Arc::clone(&self.cache);
            let handler = move |call| {
                let office = Arc::clone(&office);
                async move { cache::answer(&office, call).await }
            };
            let methods = &[web::GET, web::POST, web::PATCH, web::DELETE];
            self.function("cache", methods, handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/prices") {
            let office = Arc::clone(&self.office);
            let handler = move |call| {
                let office = Arc::clone(&office);
                async move { prices::answer(&office, call).await }
            };
            let methods = &[web::GET, web::POST, web::DELETE];
            self.function("prices", methods, handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/keys") {
            let office = Arc::clone(&self.office);
            let handler = move |call| {
                let office = Arc::clone(&office);
                async move { keys::answer(&office, call).await }
            };
            let methods = &[web::GET, web::POST, web::PATCH, web::DELETE];
            self.function("keys", methods, handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/tenant") {
            let office = Arc::clone(&self.office);
            let handler = move |call| {
                let office = Arc::clone(&office);
                async move { tenant::answer(&office, call).await }
            };
            let methods = &[web::GET, web::POST, web::PATCH, web::DELETE];
            self.function("tenant", methods, handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/audit") {
            let office = Arc::clone(&self.office);
            let handler = move |call| {
                let office = Arc::clone(&office);
                async move { audit::answer(&office, call).await }
            };
            self.function("audit", &[web::GET], handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/usage") {
            let office = Arc::clone(&self.office);
            let handler = move |call| {
                let office = Arc::clone(&office);
                async move { usage::answer(&office, call).await }
            };
            self.function("usage", &[web::GET], handler).answer(request, after.clone()).await
        } else if request.uri().path().starts_with("/v1/auth") {
            let people = Arc::clone(&self.people);
            let handler = move |call| {
                let people = Arc::clone(&people);
                async move { people::answer(&people, call).await }
            };
            self.function("auth", &[web::GET, web::POST, web::PATCH], handler).answer(request, after.clone()).await
        } else if request.uri().path() == "/v1/embeddings" {
            let handler = move |call| {
                let gateway = Arc::clone(&gateway);
                async move { embeddings::embed(&gateway, call).await }
            };
            self.function("embeddings", &[web::POST], handler).answer(request, after.clone()).await
        } else {
            let handler = move |call| {
                let gateway = Arc::clone(&gateway);
                async move { chat::complete(&gateway, call).await }
            };
            self.function("chat-completions", &[web::POST], handler).answer(request, after.clone()).await
        };
        (response, after)
    }

    fn function<H, F>(&self, name: &'static str, methods: &'static [Method], handler: H) -> Function<H>
    where
        H: Fn(Call) -> F + Send + Sync + 'static,
        F: Future<Output = Result<Reply, GatewayError>> + Send + 'static,
    {
        Function { name, methods, clock: self.clock.clone(), handler }
    }

    /// Every row of the ledger, oldest first, whoever's.
    pub async fn usage_events(&self) -> Vec<Value> {
        let rows = self
            .database
            .superuser()
            .await
            .query("select to_jsonb(e) from usage_events e order by request_id, attempt", &[])
            .await
            .expect("the ledger");
        rows.iter().map(|row| row.get(0)).collect()
    }
}

impl Answer {
    /// All of its body.
    pub fn bytes(&self) -> Vec<u8> {
        self.pieces.concat()
    }

    /// All of its body, as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.bytes()).expect("UTF-8")
    }

    /// All of its body, as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes()).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// A header, empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().expect("text"))
    }

    /// The error's code, empty if it is none.
    pub fn error_code(&self) -> String {
        self.json()["error"]["code"].as_str().unwrap_or_default().to_owned()
    }

    /// Reads it as a stream.
    pub fn stream(&self) -> StreamedAnswer {
        StreamedAnswer::read(&self.text())
    }
}

/// A streamed answer, read as a client would.
#[derive(Debug, Default)]
pub struct StreamedAnswer {
    /// Every chunk.
    pub chunks: Vec<Value>,
    /// The text of the first choice.
    pub text: String,
    /// The last finish reason, empty if none came.
    pub finish_reason: String,
    /// The usage, null if none came.
    pub usage: Value,
    /// The error object, null if none came.
    pub error: Value,
    /// Whether `[DONE]` came.
    pub done: bool,
}

impl StreamedAnswer {
    /// Reads server-sent events.
    ///
    /// # Panics
    /// At anything that is none of ours.
    pub fn read(text: &str) -> Self {
        let mut answer = Self::default();
        for event in text.split("\n\n").filter(|event| !event.is_empty() && !event.starts_with(':')) {
            assert!(!answer.done, "after [DONE]: {event}");
            let data = match event.strip_prefix("event: error\ndata: ") {
                Some(error) => {
                    answer.error = serde_json::from_str::<Value>(error).expect("JSON")["error"].take();
                    continue;
                }
                None => event.strip_prefix("data: ").unwrap_or_else(|| panic!("an event of ours: {event}")),
            };
            if data == "[DONE]" {
                answer.done = true;
                continue;
            }
            let chunk: Value = serde_json::from_str(data).unwrap_or_else(|error| panic!("{error}: {data}"));
            for choice in chunk["choices"].as_array().expect("choices").iter().filter(|choice| choice["index"] == 0) {
                answer.text += choice["delta"]["content"].as_str().unwrap_or_default();
                if let Some(reason) = choice["finish_reason"].as_str() {
                    answer.finish_reason = reason.to_owned();
                }
            }
            if chunk["usage"].is_object() {
                answer.usage = chunk["usage"].clone();
            }
            answer.chunks.push(chunk);
        }
        answer
    }
}

fn command(json: Value) -> Command {
    serde_json::from_value(json).expect("a command")
}

/// A gateway over that database whose providers are the mock, unless a variable says otherwise.
pub async fn gateway(
    database: &TestDatabase,
    mock: &MockUpstream,
    clock: Arc<TestClock>,
    vars: &[(&str, &str)],
) -> Arc<Gateway> {
    let mut all = with_defaults(&[], database.app_url());
    for (provider, _) in PROVIDERS {
        all.insert(format!("SUPERGATE_{}_URL", provider.to_uppercase()), mock.base_url(provider));
    }
    all.extend(vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let config = Config::load(&|name| all.get(name).cloned()).expect("a complete configuration");
    Arc::new(Gateway::new(config, clock, 16).await.expect("a gateway").embedding_with(MiniLm::make))
}

async fn master_key(database: &TestDatabase, vars: &[(&str, &str)]) -> Arc<MasterKey> {
    Arc::new(Office::master_key(&office_config(database, vars)).await.expect("the KMS key"))
}

async fn budgets(database: &TestDatabase, vars: &[(&str, &str)], clock: &Arc<TestClock>) -> Arc<Budgets> {
    let config = office_config(database, vars);
    let reservations = Office::reservations(&config).await.expect("the table");
    let office = Office::new(config, Arc::<TestClock>::clone(clock), 4).expect("an office");
    Arc::new(Budgets { office, reservations })
}

async fn cache_office(database: &TestDatabase, vars: &[(&str, &str)], clock: &Arc<TestClock>) -> Arc<CacheOffice> {
    let config = office_config(database, vars);
    let alerts = Arc::new(Office::alerts(&config, Arc::<TestClock>::clone(clock)).await.expect("the alerts"));
    let office = Office::new(config, Arc::<TestClock>::clone(clock), 4).expect("an office");
    Arc::new(CacheOffice { office, alerts })
}

fn office_config(database: &TestDatabase, vars: &[(&str, &str)]) -> OfficeConfig {
    let vars = with_defaults(vars, database.url("supergate_office"));
    OfficeConfig::load(&|name| vars.get(name).cloned()).expect("a complete configuration")
}

fn people_config(database: &TestDatabase, vars: &[(&str, &str)]) -> PeopleConfig {
    let vars = with_defaults(vars, database.url("supergate_people"));
    PeopleConfig::load(&|name| vars.get(name).cloned()).expect("a complete configuration")
}

/// What every function needs, and what a test says besides.
fn with_defaults(vars: &[(&str, &str)], database_url: String) -> HashMap<String, String> {
    let defaults = [
        ("DATABASE_URL", database_url.as_str()),
        ("SUPERGATE_KEY_PEPPER", PEPPER),
        ("SUPERGATE_TOKEN_SECRET", TOKEN_SECRET),
        ("SUPERGATE_KMS_KEY_ID", KMS_KEY),
        ("SUPERGATE_REGISTRATION", "open"),
        // On a busy machine two hundred requests at once wait for their turn; a database that is away says so at once.
        ("DATABASE_CONNECT_TIMEOUT_S", "30"),
        ("AWS_ENDPOINT_URL_KMS", kms::watched()),
        // The tests of a run share one emulator, which serves one after the other.
        ("SUPERGATE_TABLE_TIMEOUT_S", "30"),
        // Most tests ask the same again and look at what the provider gets. Those of the cache turn it on; a busy machine is no reason for
        // it to say nothing.
        ("SUPERGATE_CACHE", "off"),
        ("SUPERGATE_CACHE_TIMEOUT_MS", "30000"),
    ];
    let table = env::var("SUPERGATE_TABLE").ok().map(|table| ("SUPERGATE_TABLE".to_owned(), table));
    let all = defaults.iter().chain(vars).map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    table.into_iter().chain(all).collect()
}

/// What tests store as the platform's key of a provider: of its form, and nobody's.
pub fn provider_key(provider: &str) -> String {
    let prefix = match provider {
        "openai" => "sk-",
        "anthropic" => "sk-ant-",
        "google" => "AIza",
        _ => "",
    };
    format!("{prefix}test-key-{provider}")
}
