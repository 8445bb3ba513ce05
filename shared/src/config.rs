//! Configuration: read once, complained about once. The only file that knows the names of the variables.

use crate::{
    crypto::secret::{Pepper, Peppers},
    limits::attempts::Policy,
    providers::{self, Provider},
    tenancy::{TokenKeys, oidc::Issuer},
};
use std::{collections::HashMap, fmt, path::PathBuf, sync::Arc, time::Duration};
use url::Url;
use zeroize::Zeroizing;

/// Where a variable comes from: the environment in `main`, a map in tests.
pub type Vars<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Everything that is wrong with the configuration, at once.
#[derive(Debug, thiserror::Error)]
#[error("configuration is wrong:\n  {}", .0.join("\n  "))]
pub struct ConfigError(Vec<String>);

/// What the functions that serve requests need.
#[derive(Debug)]
pub struct Config {
    /// Postgres, as the functions' role.
    pub database: DatabaseConfig,
    /// What callers' keys and tokens are checked against.
    pub credentials: Credentials,
    /// Under which the providers' keys are sealed.
    pub kms_key: KmsKey,
    /// The DynamoDB table.
    pub table: String,
    /// Where alerts go.
    pub alerts: AlertsConfig,
    /// Where each provider is, by its id: up to and without the version path.
    pub base_urls: HashMap<&'static str, String>,
    /// How long a provider may take to send the head of its answer, which for a plain request is all of its thinking.
    pub upstream_timeout: Duration,
    /// After how much silence of the provider a stream's caller is sent a comment, so that nobody in between hangs up.
    pub keep_alive: Duration,
    /// How long the table may take: a caller waits for it before each request.
    pub table_timeout: Duration,
    /// What the cache's embedder is made of. None: the cache answers no prompt that is only similar.
    pub embedder_file: Option<PathBuf>,
    /// The cache.
    pub cache: CacheConfig,
}

/// The cache, as far as it is the same for every tenant.
#[derive(Debug, Clone, Copy)]
pub struct CacheConfig {
    /// Whether there is one.
    pub is_on: bool,
    /// How long a caller waits for it.
    pub patience: Duration,
}

/// What callers' keys and tokens are checked against. Every function that callers reach has the same.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// Under which API keys are hashed.
    pub peppers: Arc<Peppers>,
    /// With which our own access tokens are signed.
    pub tokens: Arc<TokenKeys>,
    /// The identity providers whose tokens count.
    pub issuers: Vec<Issuer>,
}

/// How to reach Postgres.
#[derive(Clone)]
pub struct DatabaseConfig {
    /// `postgresql://user@host/database?sslmode=require`.
    pub url: String,
    /// How to sign in.
    pub auth: DatabaseAuth,
    /// How long to wait for a connection. Aurora takes up to half a minute to wake from its pause.
    pub connect_timeout: Duration,
    /// A PEM file with certificates to trust besides the public ones: Aurora's own chain is private to RDS.
    pub ca_file: Option<String>,
}

/// The URL may hold a password, so only its presence is shown.
impl fmt::Debug for DatabaseConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DatabaseConfig")
            .field("auth", &self.auth)
            .field("ca_file", &self.ca_file)
            .finish_non_exhaustive()
    }
}

/// The KMS key that wraps data keys. Key ids, ARNs or aliases.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KmsKey {
    /// Wraps what is sealed now, and unwraps it.
    pub id: String,
    /// Still unwraps what was sealed before another key took its place, until everything is wrapped anew.
    pub previous: Option<String>,
    /// Where KMS is, if not where AWS has it.
    pub endpoint: Option<String>,
}

/// What the rotation needs.
#[derive(Debug)]
pub struct RotationConfig {
    /// Postgres, as its role.
    pub database: DatabaseConfig,
    /// Under which credentials are wrapped anew.
    pub kms_key: KmsKey,
}

/// What the sweeper needs.
#[derive(Debug)]
pub struct SweeperConfig {
    /// Postgres, as its role.
    pub database: DatabaseConfig,
    /// The DynamoDB table.
    pub table: String,
    /// Where alerts go.
    pub alerts: AlertsConfig,
}

/// Where alerts go besides the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertsConfig {
    /// The EventBridge bus; none: only the log has them.
    pub bus: Option<String>,
    /// Who says so there. Deployments of one account share its bus, and each has a name of its own.
    pub source: Option<String>,
}

/// How a connection proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatabaseAuth {
    /// With what the URL says.
    Url,
    /// With a fifteen-minute token that is signed with the function's own AWS credentials.
    Iam {
        /// The database's region.
        region: String,
    },
}

/// What the health function looks at.
#[derive(Debug, Clone)]
pub struct HealthConfig {
    /// Postgres, as the functions' role.
    pub database: DatabaseConfig,
    /// The DynamoDB table.
    pub table: Option<String>,
    /// The KMS key.
    pub kms_key: Option<KmsKey>,
    /// What the cache's embedder is made of.
    pub embedder_file: Option<PathBuf>,
}

/// What the functions that administer need.
#[derive(Debug)]
pub struct OfficeConfig {
    /// Postgres, as their role.
    pub database: DatabaseConfig,
    /// What callers' keys and tokens are checked against.
    pub credentials: Credentials,
    /// The KMS key, for the functions that seal.
    pub kms_key: Option<KmsKey>,
    /// The DynamoDB table, for the functions that tell what is spent, and alerts.
    pub table: Option<String>,
    /// Where alerts go.
    pub alerts: AlertsConfig,
}

/// What the auth function needs.
#[derive(Debug)]
pub struct PeopleConfig {
    /// Postgres, as its role.
    pub database: DatabaseConfig,
    /// What callers' keys and tokens are checked against.
    pub credentials: Credentials,
    /// The DynamoDB table, in which attempts are counted.
    pub table: String,
    /// How many attempts are enough.
    pub attempts: Policy,
    /// Who may register.
    pub registration: Registration,
    /// To which paths a browser sends the refresh cookie: where this API's `/v1/auth` is for a browser.
    pub cookie_path: String,
}

/// Who may register.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registration {
    /// Anyone, with a tenant of their own.
    Open,
    /// Who was invited to a tenant.
    Invited,
}

/// What the migrate function needs.
#[derive(Debug)]
pub struct MigrateConfig {
    /// Postgres, as a role that may create roles.
    pub database: DatabaseConfig,
    /// Under which the first key of a tenant is hashed.
    pub peppers: Peppers,
}

/// The environment, for `main`.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
pub fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

impl Config {
    /// Reads the variables.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn load(vars: Vars<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        let database = reader.database("DATABASE_URL");
        let credentials = reader.credentials();
        let kms_key = reader.required_kms_key();
        let table = reader.required("SUPERGATE_TABLE");
        let alerts = reader.alerts();
        let base_urls = providers::ALL.iter().map(|provider| (provider.id(), reader.base_url(*provider))).collect();
        let upstream_timeout = Duration::from_secs(reader.seconds_or("UPSTREAM_TIMEOUT_S", 600));
        let keep_alive = Duration::from_secs(reader.seconds_or("STREAM_KEEP_ALIVE_S", 15));
        let embedder_file = reader.embedder_file();
        let table_timeout = Duration::from_secs(reader.seconds_or("SUPERGATE_TABLE_TIMEOUT_S", 2));
        let cache = reader.cache();
        match (database, credentials, kms_key, table) {
            (Some(database), Some(credentials), Some(kms_key), Some(table)) if reader.wrong.is_empty() => Ok(Self {
                database,
                credentials,
                kms_key,
                table,
                alerts,
                base_urls,
                upstream_timeout,
                keep_alive,
                table_timeout,
                embedder_file,
                cache,
            }),
            _ => Err(ConfigError(reader.wrong)),
        }
    }
}

impl HealthConfig {
    /// Reads the variables; a table or a key that is not configured is not checked.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn load(vars: Vars<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        let (table, kms_key, embedder_file) =
            (reader.optional("SUPERGATE_TABLE"), reader.kms_key(), reader.embedder_file());
        match reader.database("DATABASE_URL") {
            Some(database) if reader.wrong.is_empty() => Ok(Self { database, table, kms_key, embedder_file }),
            _ => Err(ConfigError(reader.wrong)),
        }
    }
}

impl OfficeConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn load(vars: Vars<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        let (kms_key, table) = (reader.kms_key(), reader.optional("SUPERGATE_TABLE"));
        let alerts = reader.alerts();
        match (reader.database("DATABASE_URL"), reader.credentials()) {
            (Some(database), Some(credentials)) if reader.wrong.is_empty() => {
                Ok(Self { database, credentials, kms_key, table, alerts })
            }
            _ => Err(ConfigError(reader.wrong)),
        }
    }
}

impl PeopleConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn load(vars: Vars<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        let database = reader.database("DATABASE_URL");
        let credentials = reader.credentials();
        let table = reader.required("SUPERGATE_TABLE");
        let attempts = Policy {
            window: Duration::from_secs(reader.number_or("SUPERGATE_ATTEMPTS_WINDOW_S", 900)),
            per_account: reader.number_or("SUPERGATE_ATTEMPTS_PER_ACCOUNT", 10),
            per_address: reader.number_or("SUPERGATE_ATTEMPTS_PER_ADDRESS", 100),
        };
        let registration = reader.registration();
        let cookie_path = reader.cookie_path();
        match (database, credentials, table) {
            (Some(database), Some(credentials), Some(table)) if reader.wrong.is_empty() => {
                Ok(Self { database, credentials, table, attempts, registration, cookie_path })
            }
            _ => Err(ConfigError(reader.wrong)),
        }
    }
}

impl RotationConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn load(vars: Vars<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        match (reader.database("DATABASE_URL"), reader.required_kms_key()) {
            (Some(database), Some(kms_key)) if reader.wrong.is_empty() => Ok(Self { database, kms_key }),
            _ => Err(ConfigError(reader.wrong)),
        }
    }
}

impl SweeperConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn load(vars: Vars<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        let alerts = reader.alerts();
        match (reader.database("DATABASE_URL"), reader.required("SUPERGATE_TABLE")) {
            (Some(database), Some(table)) if reader.wrong.is_empty() => Ok(Self { database, table, alerts }),
            _ => Err(ConfigError(reader.wrong)),
        }
    }
}

impl MigrateConfig {
    /// Reads the variables.
    ///
    /// # Errors
    /// Every fault, not only the first.
    pub fn load(vars: Vars<'_>) -> Result<Self, ConfigError> {
        let mut reader = Reader::new(vars);
        match (reader.database("DATABASE_MIGRATION_URL"), reader.peppers()) {
            (Some(database), Some(peppers)) if reader.wrong.is_empty() => Ok(Self { database, peppers }),
            _ => Err(ConfigError(reader.wrong)),
        }
    }
}

struct Reader<'a> {
    vars: Vars<'a>,
    wrong: Vec<String>,
}

impl<'a> Reader<'a> {
    fn new(vars: Vars<'a>) -> Self {
        Self { vars, wrong: Vec::new() }
    }

    /// An empty variable is an absent one: templates cannot leave a variable out.
    fn optional(&self, name: &str) -> Option<String> {
        (self.vars)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    fn alerts(&self) -> AlertsConfig {
        AlertsConfig { bus: self.optional("SUPERGATE_ALERTS_BUS"), source: self.optional("SUPERGATE_ALERTS_SOURCE") }
    }

    fn embedder_file(&self) -> Option<PathBuf> {
        self.optional("SUPERGATE_EMBEDDER_FILE").map(PathBuf::from)
    }

    /// On, unless somebody says otherwise: each tenant has a switch of its own.
    fn cache(&mut self) -> CacheConfig {
        let is_on = match self.optional("SUPERGATE_CACHE").as_deref() {
            None | Some("on") => true,
            Some("off") => false,
            Some(_) => {
                self.wrong.push("SUPERGATE_CACHE must be `on` or `off`".into());
                false
            }
        };
        CacheConfig { is_on, patience: Duration::from_millis(self.number_or("SUPERGATE_CACHE_TIMEOUT_MS", 50)) }
    }

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.wrong.push(format!("{name} is not set"));
        }
        value
    }

    fn kms_key(&self) -> Option<KmsKey> {
        let id = self.optional("SUPERGATE_KMS_KEY_ID")?;
        let previous = self.optional("SUPERGATE_KMS_KEY_ID_PREVIOUS");
        // As the AWS SDKs call it.
        Some(KmsKey { id, previous, endpoint: self.optional("AWS_ENDPOINT_URL_KMS") })
    }

    fn required_kms_key(&mut self) -> Option<KmsKey> {
        let key = self.kms_key();
        if key.is_none() {
            self.wrong.push("SUPERGATE_KMS_KEY_ID is not set".into());
        }
        key
    }

    fn seconds_or(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.optional(name) else { return default };
        text.parse().ok().filter(|seconds| *seconds >= 1).unwrap_or_else(|| {
            self.wrong.push(format!("{name} must be a whole number of seconds, at least 1, as {default}"));
            default
        })
    }

    fn number_or(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.optional(name) else { return default };
        text.parse().ok().filter(|number| (1..=1_000_000).contains(number)).unwrap_or_else(|| {
            self.wrong.push(format!("{name} must be a whole number from 1 to 1000000, as {default}"));
            default
        })
    }

    /// What callers' keys and tokens are checked against.
    fn credentials(&mut self) -> Option<Credentials> {
        let (peppers, tokens, issuers) = (self.peppers(), self.token_keys(), self.issuers());
        Some(Credentials { peppers: Arc::new(peppers?), tokens: Arc::new(tokens?), issuers })
    }

    /// The key that signs tokens, and the one before it while its tokens are still about.
    fn token_keys(&mut self) -> Option<TokenKeys> {
        const NAME: &str = "SUPERGATE_TOKEN_SECRET";
        let current = self.required(NAME).map(Zeroizing::new);
        let previous = self.optional("SUPERGATE_TOKEN_SECRET_PREVIOUS").map(Zeroizing::new);
        let version = self.optional("SUPERGATE_TOKEN_SECRET_VERSION").map_or(Some(1), |text| text.parse().ok());
        let Some(version) = version.filter(|version| *version >= 1) else {
            self.wrong.push(format!("{NAME}_VERSION must be a whole number from 1, one more with each new secret"));
            return None;
        };
        let keys = TokenKeys::new(version, current.as_ref()?, previous.as_ref());
        if keys.is_none() {
            let least = TokenKeys::MIN_BYTES;
            self.wrong.push(format!("{NAME} and {NAME}_PREVIOUS must have at least {least} characters"));
        }
        keys
    }

    fn issuers(&mut self) -> Vec<Issuer> {
        const NAME: &str = "SUPERGATE_OIDC_ISSUERS";
        let Some(text) = self.optional(NAME) else { return Vec::new() };
        Issuer::read_all(&text).unwrap_or_else(|faults| {
            self.wrong.extend(faults.into_iter().map(|fault| format!("{NAME} {fault}")));
            Vec::new()
        })
    }

    fn registration(&mut self) -> Registration {
        match self.optional("SUPERGATE_REGISTRATION").as_deref() {
            Some("open") => Registration::Open,
            // What is forgotten must not open a deployment, whose provider keys everybody with a tenant uses.
            None | Some("invited") => Registration::Invited,
            Some(_) => {
                self.wrong.push("SUPERGATE_REGISTRATION must be `open` or `invited`".into());
                Registration::Invited
            }
        }
    }

    fn cookie_path(&mut self) -> String {
        const NAME: &str = "SUPERGATE_COOKIE_PATH";
        let path = self.optional(NAME).unwrap_or_else(|| "/v1/auth".to_owned());
        let plain = path.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte));
        if !(plain && path.starts_with('/') && path.ends_with("/v1/auth")) {
            self.wrong.push(format!("{NAME} must be a path that ends with /v1/auth, as /prod/v1/auth"));
        }
        path
    }

    fn database(&mut self, name: &str) -> Option<DatabaseConfig> {
        let url = self.required(name)?;
        if url.parse::<tokio_postgres::Config>().is_err() {
            self.wrong.push(format!("{name} is not a Postgres URL, as postgresql://user@host:5432/database"));
            return None;
        }
        let auth = match self.optional("DATABASE_AUTH").as_deref() {
            None | Some("url") => DatabaseAuth::Url,
            Some("iam") => DatabaseAuth::Iam { region: self.required("AWS_REGION")? },
            Some(_) => {
                self.wrong.push("DATABASE_AUTH must be `url` or `iam`".into());
                return None;
            }
        };
        let connect_timeout = Duration::from_secs(self.seconds_or("DATABASE_CONNECT_TIMEOUT_S", 25));
        Some(DatabaseConfig { url, auth, connect_timeout, ca_file: self.optional("DATABASE_CA_FILE") })
    }

    /// The current pepper, and the one before it while its keys are still about.
    fn peppers(&mut self) -> Option<Peppers> {
        let current = self.required("SUPERGATE_KEY_PEPPER").and_then(|text| self.pepper("SUPERGATE_KEY_PEPPER", text));
        let previous = self.optional("SUPERGATE_KEY_PEPPER_PREVIOUS");
        let previous = previous.and_then(|text| self.pepper("SUPERGATE_KEY_PEPPER_PREVIOUS", text));
        let version = self.optional("SUPERGATE_KEY_PEPPER_VERSION").map_or(Some(1), |text| text.parse().ok());
        let Some(version) = version.filter(|version: &i16| *version >= 1) else {
            self.wrong.push(
                "SUPERGATE_KEY_PEPPER_VERSION must be a whole number from 1, one more with each new pepper".into(),
            );
            return None;
        };
        Some(Peppers::new(version, current?, previous))
    }

    fn pepper(&mut self, name: &str, text: String) -> Option<Pepper> {
        let pepper = Pepper::new(text.into_bytes());
        if pepper.is_none() {
            self.wrong.push(format!("{name} must have at least {} characters", Pepper::MIN_BYTES));
        }
        pepper
    }

    fn base_url(&mut self, provider: &dyn Provider) -> String {
        let name = format!("SUPERGATE_{}_URL", provider.id().to_uppercase());
        match self.optional(&name) {
            None => provider.default_base_url().to_owned(),
            Some(text) => match Url::parse(&text) {
                Ok(url) if is_base(&url) => text.trim_end_matches('/').to_owned(),
                _ => {
                    self.wrong.push(format!("{name} is not a URL, as {}", provider.default_base_url()));
                    String::new()
                }
            },
        }
    }
}

/// Whether a provider's paths can be put behind it.
fn is_base(url: &Url) -> bool {
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && plain
}

#[cfg(test)]
mod tests;
