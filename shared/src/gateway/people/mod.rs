//! `/v1/auth/…`: what people do with their own accounts. They register, sign in and out, and say which of their tenants they act for.

mod account;
mod attempts;
mod cookie;
mod join;
mod register;
mod session;
mod sign_in;

use crate::{
    clock::Clock,
    config::{PeopleConfig, Registration},
    crypto::password::{HashError, Password, SALT_BYTES},
    db::{self, Database, TenantTx, audit, audit::AuditEvent, people::Membership},
    error::GatewayError,
    gateway::call::{Call, Reply},
    http::aws,
    limits::dynamo::Table,
    tenancy::{AccessToken, AuditId, PersonId, Status, TenantId, TokenKeys, auth::Authenticator},
};
use attempts::Attempts;
use http::Method;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::Semaphore;

const ROUTE: &str = "/v1/auth/";
/// How long DynamoDB may take: somebody waits to be signed in.
const TABLE_PATIENCE: Duration = Duration::from_secs(3);
/// How many passwords are hashed at a time in one process. Each takes 19 MiB.
const MAX_HASHING: usize = 4;

/// Built once per cold start. Nothing is connected until it is needed.
pub struct People {
    db: Database,
    auth: Authenticator,
    tokens: Arc<TokenKeys>,
    attempts: Arc<Attempts>,
    registration: Registration,
    cookie_path: String,
    hashing: Semaphore,
    clock: Arc<dyn Clock>,
}

impl People {
    /// Builds it. `concurrency` is how many requests it serves at a time.
    ///
    /// # Errors
    /// When the configuration cannot be used.
    pub async fn new(config: PeopleConfig, clock: Arc<dyn Clock>, concurrency: usize) -> Result<Self, GatewayError> {
        let aws = aws::sdk_config(TABLE_PATIENCE).await.map_err(GatewayError::Internal)?;
        let db = Database::new(&config.database, concurrency).map_err(|error| GatewayError::Internal(error.into()))?;
        let peppers = Arc::clone(&config.credentials.peppers);
        let tokens = Arc::clone(&config.credentials.tokens);
        let auth = Authenticator::new(db.clone(), config.credentials, Arc::clone(&clock));
        let attempts = Attempts::new(Table::new(&aws, config.table), config.attempts, peppers);
        Ok(Self {
            auth: auth.map_err(GatewayError::Internal)?,
            tokens,
            attempts: Arc::new(attempts),
            registration: config.registration,
            cookie_path: config.cookie_path,
            hashing: Semaphore::new(MAX_HASHING),
            clock,
            db,
        })
    }

    /// Who sends one of our own access tokens.
    ///
    /// # Errors
    /// [`GatewayError::PersonOnly`] for another credential that is good.
    async fn signed_in(&self, call: &Call) -> Result<AccessToken, GatewayError> {
        match self.auth.own_token(&call.headers)? {
            Some(token) => Ok(token),
            None => {
                self.auth.authenticate(&call.headers).await?;
                Err(GatewayError::PersonOnly)
            }
        }
    }

    async fn hash(&self, password: Password) -> Result<String, GatewayError> {
        let mut salt = [0; SALT_BYTES];
        fill(&mut salt)?;
        self.aside(move || password.hash(&salt)).await
    }

    /// Whether a password fits; the same work where there is no hash that it could fit.
    async fn fits(&self, password: Password, stored: Option<String>) -> Result<bool, GatewayError> {
        self.aside(move || password.fits(stored.as_deref())).await
    }

    /// Hashes on a thread of its own, and waits for it: on an instance that serves several at a time the others go on. Nothing is left
    /// running when the request ends.
    async fn aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> Result<T, HashError> + Send + 'static,
    ) -> Result<T, GatewayError> {
        let _one_of_few = self.hashing.acquire().await.map_err(|error| GatewayError::Internal(error.into()))?;
        let done = tokio::task::spawn_blocking(work).await.map_err(|error| GatewayError::Internal(error.into()))?;
        done.map_err(|error| GatewayError::Internal(error.into()))
    }

    /// Notes what a person did in a tenant's audit. Part of the transaction: no act without its note.
    async fn note(
        &self,
        tx: &TenantTx,
        call: &Call,
        person: PersonId,
        action: &str,
        target: String,
        after: Option<Value>,
    ) -> Result<(), GatewayError> {
        let event = AuditEvent {
            id: AuditId::generate(self.clock.since_epoch()),
            at: self.clock.now(),
            actor: person.to_string(),
            action: action.to_owned(),
            target,
            address: call.address.clone(),
            request: Some(call.request_id),
            before: None,
            after,
        };
        Ok(audit::insert(tx, &event).await?)
    }
}

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub async fn answer(people: &People, call: Call) -> Result<Reply, GatewayError> {
    let route = call.path.strip_prefix(ROUTE).unwrap_or_default().trim_end_matches('/');
    let answered = match (route, &call.method) {
        ("register", &Method::POST) => register::register(people, &call).await,
        ("login", &Method::POST) => sign_in::sign_in(people, &call).await,
        ("refresh", &Method::POST) => session::refresh(people, &call).await,
        ("switch", &Method::POST) => session::switch(people, &call).await,
        ("logout", &Method::POST) => session::sign_out(people, &call).await,
        ("accept", &Method::POST) => join::accept(people, &call).await,
        ("password", &Method::POST) => account::change_password(people, &call).await,
        ("me", &Method::GET) => account::show(people, &call).await,
        ("me", &Method::PATCH) => account::rename(people, &call).await,
        ("register" | "login" | "refresh" | "switch" | "logout" | "accept" | "password" | "me", method) => {
            Err(GatewayError::MethodNotAllowed(method.to_string()))
        }
        _ => Err(GatewayError::NotFound("this path".into())),
    };
    let mut reply = match answered {
        // A cookie that is of no use any more is not sent again.
        Err(error @ GatewayError::SessionEnded) => {
            let mut reply = Reply::error(&error);
            cookie::clear(&mut reply, &people.cookie_path);
            reply
        }
        answered => answered?,
    };
    reply.set("cache-control", "no-store");
    Ok(reply)
}

/// Which of their tenants somebody acts for: the one that was asked for, or else the first that is served. None for a member of none.
///
/// # Errors
/// [`GatewayError::NotFound`] for a tenant that they are no member of, as for one that does not exist.
fn choose(memberships: &[Membership], wanted: Option<TenantId>) -> Result<Option<&Membership>, GatewayError> {
    let is_served = |membership: &&Membership| membership.status == Status::Active;
    match wanted {
        Some(tenant) => {
            let found = memberships.iter().find(|membership| membership.tenant == tenant);
            let membership = found.ok_or_else(|| GatewayError::NotFound("this id".into()))?;
            Some(membership).filter(is_served).ok_or(GatewayError::TenantSuspended).map(Some)
        }
        None if memberships.is_empty() => Ok(None),
        None => memberships.iter().find(is_served).ok_or(GatewayError::TenantSuspended).map(Some),
    }
}

fn show_person(id: PersonId, email: &str, name: &str) -> Value {
    json!({ "id": id.to_string(), "email": email, "name": name })
}

fn show_membership(membership: &Membership) -> Value {
    json!({
        "id": membership.tenant.to_string(),
        "name": membership.name,
        "role": membership.role.as_str(),
        "status": membership.status.as_str(),
    })
}

fn fill(secret: &mut [u8]) -> Result<(), GatewayError> {
    getrandom::fill(secret).map_err(|error| GatewayError::Internal(error.into()))
}

/// A row that its key must have, since the same transaction found it before.
fn gone() -> GatewayError {
    GatewayError::from(db::Error::Unexpected("a person without an account"))
}
