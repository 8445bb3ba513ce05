//! Sessions. One begins with a sign-in, goes on by its refresh token, which changes with every use, and ends after thirty days, when its
//! person leaves, or when a token of it comes a second time: then somebody else has it too.

use super::{People, choose, cookie, fill, gone, show_membership, show_person};
use crate::{
    db::{
        PersonTx,
        people::{self, Membership},
        sessions::{self, SessionRow},
    },
    error::GatewayError,
    gateway::{
        admin::body::Body,
        call::{Call, Reply},
    },
    openai::Invalid,
    tenancy::{
        AccessToken, OpaqueToken, PersonId, RefreshTokenId, SessionId, TenantId,
        access_token::ACCESS_TOKEN_TTL,
        auth::{self, AuthError, Beside},
    },
};
use http::StatusCode;
use serde_json::json;
use std::time::Duration;
use time::OffsetDateTime;
use zeroize::Zeroizing;

/// How long after a sign-in one must sign in again (NIST SP 800-63B-4 § 2.1.3).
const SESSION_TTL: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A session's newest refresh token.
pub(super) struct Session {
    id: SessionId,
    token: OpaqueToken<RefreshTokenId>,
    expires_at: OffsetDateTime,
}

/// Who is signed in, as an answer shows them.
pub(super) struct Visitor<'a> {
    pub(super) person: PersonId,
    pub(super) email: &'a str,
    pub(super) name: &'a str,
    pub(super) tenant: Option<&'a Membership>,
}

impl People {
    /// Begins a session of the transaction's person, and forgets what is left of old ones.
    pub(super) async fn begin_session(&self, tx: &PersonTx, tenant: Option<TenantId>) -> Result<Session, GatewayError> {
        sessions::forget_expired(tx, self.clock.now()).await?;
        let id = SessionId::generate(self.clock.since_epoch());
        self.add_token(tx, id, tenant, self.clock.now() + SESSION_TTL).await
    }

    async fn add_token(
        &self,
        tx: &PersonTx,
        id: SessionId,
        tenant: Option<TenantId>,
        expires_at: OffsetDateTime,
    ) -> Result<Session, GatewayError> {
        let mut secret = Zeroizing::new([0; 32]);
        fill(secret.as_mut_slice())?;
        let token = OpaqueToken::new(RefreshTokenId::generate(self.clock.since_epoch()), secret);
        sessions::insert(tx, token.id(), id, tenant, (&token.hash(), expires_at)).await?;
        Ok(Session { id, token, expires_at })
    }

    /// The answer to who signed in: an access token in the body, the refresh token in a cookie.
    pub(super) fn welcome(
        &self,
        status: StatusCode,
        visitor: &Visitor<'_>,
        session: &Session,
    ) -> Result<Reply, GatewayError> {
        let lasts = Duration::try_from(session.expires_at - self.clock.now()).unwrap_or_default();
        let ends = self.clock.since_epoch() + ACCESS_TOKEN_TTL.min(lasts);
        let mut reply = self.admit(status, visitor, session.id, ends)?;
        cookie::set(&mut reply, &self.cookie_path, &session.token, lasts);
        Ok(reply)
    }

    fn admit(
        &self,
        status: StatusCode,
        visitor: &Visitor<'_>,
        session: SessionId,
        ends: Duration,
    ) -> Result<Reply, GatewayError> {
        let Visitor { person, email, name, tenant } = *visitor;
        let token = AccessToken { person, tenant: tenant.map(|membership| membership.tenant), session, ends };
        let token = self.tokens.sign(&token, self.clock.since_epoch());
        let token = token.map_err(|error| GatewayError::Internal(error.into()))?;
        let body = json!({
            "access_token": token,
            "user": show_person(person, email, name),
            "tenant": tenant.map(show_membership),
        });
        Reply::json(status, &body)
    }

    /// The session that a refresh token is of.
    async fn session_of(&self, token: &OpaqueToken<RefreshTokenId>) -> Result<Option<SessionRow>, GatewayError> {
        let row = sessions::find(&self.db, token.id()).await?;
        Ok(row.filter(|row| token.matches(&row.hash) && row.expires_at > self.clock.now()))
    }

    /// Exchanges a refresh token for the next one, for the tenant it acted for or for another.
    async fn rotate(
        &self,
        call: &Call,
        token: &OpaqueToken<RefreshTokenId>,
        to: Option<TenantId>,
    ) -> Result<Reply, GatewayError> {
        let row = self.session_of(token).await?.ok_or(GatewayError::SessionEnded)?;
        check_alone(call, row.person)?;
        let memberships = people::memberships(&self.db, row.person).await?;
        let tx = PersonTx::begin(&self.db, row.person).await?;
        if !sessions::use_up(&tx, token.id(), self.clock.now()).await? {
            self.end_stolen(call, tx, &row).await?;
            return Err(GatewayError::SessionEnded);
        }
        // Whoever is no member any more of what they acted for goes on with another of their tenants.
        let acts_for = row.acts_for.filter(|tenant| memberships.iter().any(|one| one.tenant == *tenant));
        // A refusal here drops the transaction: the token is not used up.
        let tenant = choose(&memberships, to.or(acts_for))?;
        let acts_for = tenant.map(|membership| membership.tenant);
        let session = self.add_token(&tx, row.session, acts_for, row.expires_at).await?;
        let person = people::read(&tx).await?.ok_or_else(gone)?;
        tx.commit().await?;
        let visitor = Visitor { person: row.person, email: &person.email, name: &person.name, tenant };
        self.welcome(StatusCode::OK, &visitor, &session)
    }

    /// Nobody can say which of the two who have a token is its owner, so both are signed out.
    async fn end_stolen(&self, call: &Call, tx: PersonTx, row: &SessionRow) -> Result<(), GatewayError> {
        tracing::warn!(alarm = "refresh_token_reused", person.id = %row.person, session.id = %row.session, "a session was ended");
        sessions::end(&tx, row.session).await?;
        let Some(tenant) = row.acts_for else { return Ok(tx.commit().await?) };
        let tx = tx.enter(tenant).await?;
        self.note(&tx, call, row.person, "sessions.end_stolen", row.session.to_string(), None).await?;
        Ok(tx.commit().await?)
    }
}

/// A browser sends its access token beside the cookie, and has both of one person. Of two people, nobody could say who is meant: somebody
/// else may have signed in at this machine, or planted a cookie.
fn check_alone(call: &Call, person: PersonId) -> Result<(), AuthError> {
    match auth::beside(&call.headers) {
        Beside::Nothing => Ok(()),
        Beside::TokenOf(other) if other == person => Ok(()),
        Beside::TokenOf(_) | Beside::Another => Err(AuthError::Several),
    }
}

/// `POST /v1/auth/refresh`: the cookie for an access token and the next cookie.
pub(super) async fn refresh(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let token = cookie::read(call)?.ok_or(GatewayError::SessionEnded)?;
    people.rotate(call, &token, None).await
}

/// `POST /v1/auth/switch`: the same for another of their tenants. Without a cookie, the access token is exchanged for one that ends when
/// it would have: who stole fifteen minutes does not get more.
pub(super) async fn switch(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let mut body = Body::read(call.json_body()?)?;
    let tenant: Option<TenantId> = body.required_parsed("tenant_id");
    body.finish()?;
    let tenant = tenant.ok_or_else(|| Invalid::value("tenant_id", "is required"))?;
    if let Some(token) = cookie::read(call)? {
        return people.rotate(call, &token, Some(tenant)).await;
    }
    let token = people.signed_in(call).await?;
    let memberships = people::memberships(&people.db, token.person).await?;
    let tenant = choose(&memberships, Some(tenant))?;
    let tx = PersonTx::begin(&people.db, token.person).await?;
    if !sessions::lives(&tx, token.session, people.clock.now()).await? {
        return Err(AuthError::Invalid.into());
    }
    let person = people::read(&tx).await?.ok_or_else(gone)?;
    tx.commit().await?;
    let visitor = Visitor { person: token.person, email: &person.email, name: &person.name, tenant };
    people.admit(StatusCode::OK, &visitor, token.session, token.ends)
}

/// `POST /v1/auth/logout`: ends the session that the cookie, or else the access token, is of. What is signed out already is signed out.
pub(super) async fn sign_out(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let ending = match cookie::read(call)? {
        Some(token) => match people.session_of(&token).await? {
            Some(row) => {
                check_alone(call, row.person)?;
                Some((row.person, row.session))
            }
            None => None,
        },
        None => match people.auth.own_token(&call.headers) {
            Err(AuthError::Several) => return Err(AuthError::Several.into()),
            token => token.ok().flatten().map(|token| (token.person, token.session)),
        },
    };
    if let Some((person, session)) = ending {
        let tx = PersonTx::begin(&people.db, person).await?;
        sessions::end(&tx, session).await?;
        tx.commit().await?;
    }
    let mut reply = Reply::empty();
    cookie::clear(&mut reply, &people.cookie_path);
    Ok(reply)
}
