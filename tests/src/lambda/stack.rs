//! All that our functions need to answer: a database of their own, a tenant with a key, a mock upstream.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::process::{Child, Command};
use uuid::Uuid;

use super::event::{Version, http_event};
use super::function::{Function, Launch};
use crate::app::{KMS_KEY, PROVIDERS, TOKEN_SECRET, provider_key};
use crate::postgres::{PEPPER, database_url, execute, superuser_url};

/// The workspace's manifest, which says as which database role each function signs in.
const MANIFEST: &str = include_str!("../../../Cargo.toml");
const PATIENCE: Duration = Duration::from_secs(60);

/// A migrated database, a tenant, the platform's provider keys and a mock upstream. End it with [`Stack::close`].
pub struct Stack {
    superuser_url: String,
    database: String,
    mock_url: String,
    api_key: String,
    _mock: Child,
}

impl Stack {
    /// Creates a database, starts the mock upstream (a process of its own, so that its work is not ours), migrates with the `migrate`
    /// function, makes a tenant, and stores a key of each provider as an operator does.
    ///
    /// # Panics
    /// If `SUPERGATE_TEST_DATABASE_URL` (a superuser's) is not set, a binary is not built, or a step fails.
    pub async fn start() -> Self {
        let superuser_url = superuser_url();
        let database = format!("stack_{}", Uuid::now_v7().simple());
        execute(&superuser_url, &format!("create database {database}")).await;
        let (mock, mock_url) = start_mock().await;
        let mut stack = Self { superuser_url, database, mock_url, api_key: String::new(), _mock: mock };
        let migrate = stack.function("migrate").start().await.unwrap_or_else(|error| panic!("migrate: {error}"));
        call(&migrate, json!({"action": "migrate"})).await;
        let tenant = call(&migrate, json!({"action": "create_tenant", "name": "bench", "key_name": "bench"})).await;
        stack.api_key = tenant["api_key"].as_str().expect("the tenant's key").to_owned();
        let operator = call(&migrate, json!({"action": "create_operator_key"})).await;
        stack.store_platform_keys(operator["api_key"].as_str().expect("the operator's key")).await;
        stack
    }

    async fn store_platform_keys(&self, operator_key: &str) {
        let function = self.function("provider-keys").start().await.unwrap_or_else(|error| panic!("{error}"));
        let authorization = format!("Bearer {operator_key}");
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        for (provider, _) in PROVIDERS {
            let body = json!({"provider": provider, "api_key": provider_key(provider)});
            let event = http_event("POST", "/v1/tenant/keys", &headers, body.to_string(), Version::V2);
            let reply = function.invoke(event, PATIENCE).await;
            assert_eq!(reply.status, 201, "the platform's key of {provider}");
        }
    }

    /// The tenant's key.
    pub fn api_key(&self) -> &str {
        &self.api_key
    }

    /// The mock upstream; each provider is below it at `/<provider>`.
    pub fn mock_url(&self) -> &str {
        &self.mock_url
    }

    /// The superuser's URL of its database, to look at what was written.
    pub fn database_url(&self) -> String {
        database_url(&self.superuser_url, None, &self.database)
    }

    /// Its database's name.
    pub fn database(&self) -> &str {
        &self.database
    }

    /// One of our functions, ready to start in this environment.
    pub fn function(&self, name: &str) -> Launch {
        let mut launch = Launch::new(binary(name))
            .envs(local_aws())
            .env("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "1")
            .env("SUPERGATE_KMS_KEY_ID", KMS_KEY)
            .env("SUPERGATE_TABLE", std::env::var("SUPERGATE_TABLE").unwrap_or_default())
            .env("SUPERGATE_KEY_PEPPER", PEPPER)
            .env("SUPERGATE_TOKEN_SECRET", TOKEN_SECRET)
            .env("SUPERGATE_REGISTRATION", "open")
            // Who tests or measures the cache turns it on.
            .env("SUPERGATE_CACHE", "off");
        for (provider, _) in PROVIDERS {
            launch = launch
                .env(format!("SUPERGATE_{}_URL", provider.to_uppercase()), format!("{}/{provider}", self.mock_url));
        }
        match name {
            "migrate" => launch.env("DATABASE_MIGRATION_URL", self.database_url()),
            _ => match database_role(name).as_str() {
                "none" => launch,
                role => launch.env("DATABASE_URL", database_url(&self.superuser_url, Some(role), &self.database)),
            },
        }
    }

    /// Drops the database, under whoever may still be connected.
    pub async fn close(self) {
        execute(&self.superuser_url, &format!("drop database {} with (force)", self.database)).await;
    }
}

/// The role that a function signs in as; `none` for one that knows no database.
///
/// # Panics
/// If the workspace's manifest does not say.
pub fn database_role(function: &str) -> String {
    let manifest: toml::Table = MANIFEST.parse().expect("the workspace's manifest");
    let roles = &manifest["workspace"]["metadata"]["supergate"]["database-roles"];
    let role = roles.get(function).and_then(toml::Value::as_str);
    role.unwrap_or_else(|| panic!("Cargo.toml names no database role for {function}")).to_owned()
}

/// The AWS variables of the local stack; none where they would lead to a real account.
fn local_aws() -> impl Iterator<Item = (String, String)> {
    let local = std::env::vars().any(|(name, _)| name.starts_with("AWS_ENDPOINT_URL"));
    std::env::vars().filter(move |(name, _)| local && name.starts_with("AWS_") && !name.starts_with("AWS_LAMBDA_"))
}

/// The path of a binary of this workspace: in `SUPERGATE_BIN_DIR`, else beside the one that runs. (The bench has the functions as they are
/// deployed in the first and the mock upstream, which is built faster, in the second.)
///
/// # Panics
/// If it is not built.
pub fn binary(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("our own path");
    let beside = own.parent().expect("our folder");
    // Tests are in target/debug/deps, the functions in target/debug.
    let beside = if beside.ends_with("deps") { beside.parent().expect("the folder above") } else { beside };
    let folders = std::env::var_os("SUPERGATE_BIN_DIR").map(PathBuf::from).into_iter().chain([beside.to_owned()]);
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: run the tests with `make test`, the bench with `make bench`"))
}

async fn call(function: &Function, event: Value) -> Value {
    let reply = function.invoke(event, PATIENCE).await;
    reply.json().await
}

async fn start_mock() -> (Child, String) {
    let port_file = std::env::temp_dir().join(format!("mock-upstream-{}.port", Uuid::now_v7().simple()));
    let mut command = Command::new(binary("mock-upstream"));
    command.args(["--port", "0", "--port-file"]).arg(&port_file).kill_on_drop(true);
    let mut mock = command.spawn().expect("the mock upstream");
    let patience = Instant::now() + Duration::from_secs(20);
    loop {
        let port = std::fs::read_to_string(&port_file).ok().and_then(|text| text.trim().parse::<u16>().ok());
        if let Some(port) = port {
            drop(std::fs::remove_file(&port_file));
            return (mock, format!("http://127.0.0.1:{port}"));
        }
        assert!(mock.try_wait().expect("the mock's status").is_none(), "the mock upstream ended at once");
        assert!(Instant::now() < patience, "the mock upstream wrote no port");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}
