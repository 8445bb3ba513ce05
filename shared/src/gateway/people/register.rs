//! `POST /v1/auth/register`: an account, and with it a tenant of one's own or a place in the one that an invitation is of.

use super::{People, join, session::Visitor};
use crate::{
    config::Registration,
    crypto::password::Password,
    db::{self, PersonTx, TenantTx, joining::Invitation, people, people::Membership, tenants},
    error::GatewayError,
    gateway::{
        admin::body::{Body, MAX_NAME_CHARS},
        call::{Call, Reply},
    },
    openai::Invalid,
    tenancy::{Email, InvitationId, OpaqueToken, PersonId, Role, Status, TenantId},
};
use http::StatusCode;
use serde_json::json;
use zeroize::Zeroizing;

struct Newcomer {
    email: Email,
    password: Password,
    name: String,
    place: Place,
}

/// Where somebody belongs from the first moment.
enum Place {
    Own(String),
    Invited(OpaqueToken<InvitationId>),
}

/// Where that is, once it is known.
enum Found {
    Own(TenantId, String),
    Invited(Invitation),
}

/// Makes an account. That an address has one already is told: without sending mail there is no way to hide it.
pub(super) async fn register(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let Newcomer { email, password, name, place } = read_body(call)?;
    if people.registration == Registration::Invited && matches!(place, Place::Own(_)) {
        return Err(GatewayError::InvitedOnly);
    }
    // Every registration counts, so that an address cannot make accounts without end.
    let now = people.clock.since_epoch();
    let _ = people.attempts.begin("register", None, call.address.as_deref(), now).await?;
    let found = match place {
        Place::Own(name) => Found::Own(TenantId::generate(now), name),
        Place::Invited(token) => Found::Invited(join::open(people, &token, email.as_str()).await?),
    };
    let tenant = match &found {
        Found::Own(tenant, _) => *tenant,
        Found::Invited(invitation) => invitation.tenant,
    };
    let hash = people.hash(password).await?;
    let person = PersonId::generate(now);
    let tx = PersonTx::begin(&people.db, person).await?;
    people::insert(&tx, &email, &name, &hash).await.map_err(|error| match error {
        db::Error::Exists(_) => {
            let cure = "sign in at POST /v1/auth/login, and take an invitation up at POST /v1/auth/accept";
            GatewayError::Conflict(format!("this e-mail address has an account already; {cure}"))
        }
        other => other.into(),
    })?;
    let session = people.begin_session(&tx, Some(tenant)).await?;
    let tx = tx.enter(tenant).await?;
    let membership = settle(people, call, &tx, person, found).await?;
    tx.commit().await?;
    tracing::Span::current().record("tenant.id", tracing::field::display(tenant));
    let visitor = Visitor { person, email: email.as_str(), name: &name, tenant: Some(&membership) };
    people.welcome(StatusCode::CREATED, &visitor, &session)
}

/// Gives the transaction's tenant its new member, and makes the tenant first where it is the member's own.
async fn settle(
    people: &People,
    call: &Call,
    tx: &TenantTx,
    person: PersonId,
    found: Found,
) -> Result<Membership, GatewayError> {
    match found {
        Found::Invited(invitation) => join::take_up(people, call, tx, person, &invitation).await,
        Found::Own(tenant, name) => {
            tenants::insert(tx, &name).await?;
            people::join(tx, person, Role::Owner).await?;
            let after = json!({ "name": name, "owner": person.to_string() });
            people.note(tx, call, person, "tenants.register", tenant.to_string(), Some(after)).await?;
            Ok(Membership { tenant, name, role: Role::Owner, status: Status::Active })
        }
    }
}

fn read_body(call: &Call) -> Result<Newcomer, GatewayError> {
    let mut body = Body::read(call.json_body()?)?;
    let email: Option<Email> = body.required_parsed("email");
    let password = body.required_secret("password").map(Zeroizing::new).map(|typed| Password::new(&typed));
    if let Some(Err(problem)) = password.as_ref().map(Password::check) {
        body.fault::<()>("password", problem);
    }
    let name = body.required_text("name", MAX_NAME_CHARS);
    let both = body.has("invitation") && body.has("tenant_name");
    let place = match body.has("invitation") {
        true => body.parsed("invitation").map(Place::Invited),
        false => body.required_text("tenant_name", MAX_NAME_CHARS).map(Place::Own),
    };
    if both {
        body.fault::<()>("invitation", "leads to a tenant that there is: leave `tenant_name` out");
    }
    body.finish()?;
    match (email, password, name, place) {
        (Some(email), Some(password), Some(name), Some(place)) => Ok(Newcomer { email, password, name, place }),
        _ => Err(Invalid::value("invitation", "must not be null").into()),
    }
}
