//! Configuration: read once, complained about once. The only file that knows the names of the variables.

use crate::{
    crypto::{ProviderKey, secret::Pepper},
    providers::{self, Provider},
};
use std::{collections::HashMap, fmt, sync::Arc, time::Duration};
use url::Url;

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
    /// Under which API keys are hashed.
    pub pepper: Pepper,
    /// Where each provider is and with which key, by provider id.
    pub upstreams: HashMap<&'static str, UpstreamConfig>,
    /// How long a provider may take to send the head of its answer, which for a plain request is all of its thinking.
    pub upstream_timeout: Duration,
    /// After how much silence of the provider a stream's caller is sent a comment, so that nobody in between hangs up.
    pub keep_alive: Duration,
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

/// Where a provider is and with which key.
#[derive(Debug)]
pub struct UpstreamConfig {
    /// Up to and without the version path.
    pub base_url: String,
    /// None: this deployment has no key for the provider, or this function is not given it.
    pub key: Option<Arc<ProviderKey>>,
    /// Whether the deployment has a key. A function that calls no provider is given none; `SUPERGATE_PROVIDERS` then says which there are.
    pub usable: bool,
}

/// What the health function looks at.
#[derive(Debug, Clone)]
pub struct HealthConfig {
    /// Postgres, as the functions' role.
    pub database: DatabaseConfig,
    /// The DynamoDB table.
    pub table: Option<String>,
    /// The KMS key's id, ARN or alias.
    pub kms_key: Option<String>,
}

/// What the migrate function needs.
#[derive(Debug)]
pub struct MigrateConfig {
    /// Postgres, as a role that may create roles.
    pub database: DatabaseConfig,
    /// Under which the first key of a tenant is hashed.
    pub pepper: Pepper,
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
        let pepper = reader.pepper();
        let named = reader.providers();
        let named = named.as_deref();
        let upstreams =
            providers::ALL.iter().map(|provider| (provider.id(), reader.upstream(*provider, named))).collect();
        let upstream_timeout = Duration::from_secs(reader.seconds_or("UPSTREAM_TIMEOUT_S", 600));
        let keep_alive = Duration::from_secs(reader.seconds_or("STREAM_KEEP_ALIVE_S", 15));
        match (database, pepper) {
            (Some(database), Some(pepper)) if reader.wrong.is_empty() => {
                Ok(Self { database, pepper, upstreams, upstream_timeout, keep_alive })
            }
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
        let (table, kms_key) = (reader.optional("SUPERGATE_TABLE"), reader.optional("SUPERGATE_KMS_KEY_ID"));
        match reader.database("DATABASE_URL") {
            Some(database) if reader.wrong.is_empty() => Ok(Self { database, table, kms_key }),
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
        match (reader.database("DATABASE_MIGRATION_URL"), reader.pepper()) {
            (Some(database), Some(pepper)) if reader.wrong.is_empty() => Ok(Self { database, pepper }),
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

    fn required(&mut self, name: &str) -> Option<String> {
        let value = self.optional(name);
        if value.is_none() {
            self.wrong.push(format!("{name} is not set"));
        }
        value
    }

    fn seconds_or(&mut self, name: &str, default: u64) -> u64 {
        let Some(text) = self.optional(name) else { return default };
        text.parse().ok().filter(|seconds| *seconds >= 1).unwrap_or_else(|| {
            self.wrong.push(format!("{name} must be a whole number of seconds, at least 1, as {default}"));
            default
        })
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

    fn pepper(&mut self) -> Option<Pepper> {
        let pepper = Pepper::new(self.required("SUPERGATE_KEY_PEPPER")?.into_bytes());
        if pepper.is_none() {
            self.wrong.push(format!("SUPERGATE_KEY_PEPPER must have at least {} characters", Pepper::MIN_BYTES));
        }
        pepper
    }

    /// The ids of the providers that the deployment has keys for; none: those whose key is among the variables.
    fn providers(&mut self) -> Option<Vec<String>> {
        let list = self.optional("SUPERGATE_PROVIDERS")?;
        let names: Vec<String> =
            list.split(',').map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect();
        let known: Vec<&str> = providers::ALL.iter().map(|provider| provider.id()).collect();
        if names.iter().any(|name| !known.contains(&name.as_str())) {
            self.wrong.push(format!("SUPERGATE_PROVIDERS must be a list of {}", known.join(", ")));
        }
        Some(names)
    }

    fn upstream(&mut self, provider: &dyn Provider, named: Option<&[String]>) -> UpstreamConfig {
        let name = format!("SUPERGATE_{}_URL", provider.id().to_uppercase());
        let base_url = match self.optional(&name) {
            None => provider.default_base_url().to_owned(),
            Some(text) => match Url::parse(&text) {
                Ok(url) if is_base(&url) => text.trim_end_matches('/').to_owned(),
                _ => {
                    self.wrong.push(format!("{name} is not a URL, as {}", provider.default_base_url()));
                    String::new()
                }
            },
        };
        // A deployment's secret must name all five; `none` stands for the ones it has not.
        let key = self.optional(provider.key_variable()).filter(|key| key != "none").map(ProviderKey::new);
        if key.as_ref().is_some_and(|key| key.header("").is_err()) {
            self.wrong.push(format!("{} holds what a header cannot, perhaps a line break", provider.key_variable()));
        }
        let key = key.map(Arc::new);
        let usable = named.map_or(key.is_some(), |named| named.iter().any(|name| name == provider.id()));
        UpstreamConfig { base_url, key, usable }
    }
}

/// Whether a provider's paths can be put behind it.
fn is_base(url: &Url) -> bool {
    let plain =
        url.query().is_none() && url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    matches!(url.scheme(), "http" | "https") && url.has_host() && plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(vars: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load(&|name| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()))
    }

    const GOOD: [(&str, &str); 2] =
        [("DATABASE_URL", "postgresql://a@b/c"), ("SUPERGATE_KEY_PEPPER", "0123456789abcdef0123456789abcdef")];

    #[test]
    fn all_faults_are_told_at_once() {
        let error = load(&[
            ("SUPERGATE_KEY_PEPPER", "short"),
            ("UPSTREAM_TIMEOUT_S", "soon"),
            ("SUPERGATE_OPENAI_URL", "file:///etc/passwd"),
        ])
        .expect_err("four faults")
        .to_string();
        for name in ["DATABASE_URL", "SUPERGATE_KEY_PEPPER", "UPSTREAM_TIMEOUT_S", "SUPERGATE_OPENAI_URL"] {
            assert!(error.contains(name), "{name} in {error}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_at_start_and_not_at_each_request() {
        for (name, value) in [
            ("OPENAI_API_KEY", "sk\nx"),
            ("SUPERGATE_OPENAI_URL", "http://host#x"),
            ("SUPERGATE_OPENAI_URL", "http://user:password@host"),
            ("SUPERGATE_OPENAI_URL", "http://host?a=b"),
            ("UPSTREAM_TIMEOUT_S", "0"),
            ("DATABASE_CONNECT_TIMEOUT_S", "soon"),
            ("SUPERGATE_PROVIDERS", "openai,password"),
        ] {
            let error = load(&[&GOOD[..], &[(name, value)]].concat()).expect_err(value).to_string();
            assert!(error.contains(name) && !error.contains("password"), "{error}");
        }
    }

    #[test]
    fn an_empty_variable_is_an_absent_one() {
        let config = load(
            &[&GOOD[..], &[("OPENAI_API_KEY", " "), ("MISTRAL_API_KEY", "none"), ("SUPERGATE_OPENAI_URL", "")]]
                .concat(),
        )
        .expect("good");
        assert!(config.upstreams["openai"].key.is_none() && config.upstreams["mistral"].key.is_none());
        assert_eq!(config.upstreams["openai"].base_url, "https://api.openai.com");
    }

    #[test]
    fn a_provider_is_usable_that_has_a_key_or_is_named() {
        let usable = |vars: &[(&str, &str)]| {
            let config = load(&[&GOOD[..], vars].concat()).expect("good");
            let mut usable: Vec<_> = config.upstreams.iter().filter(|(_, it)| it.usable).map(|(id, _)| *id).collect();
            usable.sort_unstable();
            usable
        };
        assert_eq!(usable(&[("OPENAI_API_KEY", "sk"), ("CO_API_KEY", "none")]), ["openai"]);
        assert_eq!(
            usable(&[("SUPERGATE_PROVIDERS", "mistral, google")]),
            ["google", "mistral"],
            "without being given a key"
        );
        assert!(usable(&[]).is_empty());
    }

    #[test]
    fn no_secret_is_in_what_a_log_could_print() {
        let config = load(&[&GOOD[..], &[("OPENAI_API_KEY", "sk-canary")]].concat()).expect("good");
        let printed = format!("{config:?}");
        assert!(!printed.contains("canary") && !printed.contains("0123456789abcdef"), "{printed}");
    }
}
