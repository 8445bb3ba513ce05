//! Invitations: `POST /v1/auth/accept` for who has an account, and what registering with one shares with it.

use super::{People, gone, show_membership};
use crate::{
    db::{
        self, PersonTx, TenantTx, joining,
        joining::Invitation,
        people::{self, Membership},
        sessions, tenants,
    },
    error::GatewayError,
    gateway::{
        admin::body::Body,
        call::{Call, Reply},
    },
    openai::Invalid,
    tenancy::{InvitationId, OpaqueToken, PersonId, Status, auth::AuthError},
};
use http::StatusCode;
use serde_json::json;

/// Takes an invitation up. The session goes on as it is; `POST /v1/auth/switch` leads to the new tenant.
pub(super) async fn accept(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let token = people.signed_in(call).await?;
    let mut body = Body::read(call.json_body()?)?;
    let invitation: Option<OpaqueToken<InvitationId>> = body.required_parsed("invitation");
    body.finish()?;
    let invitation = invitation.ok_or_else(none)?;

    let tx = PersonTx::begin(&people.db, token.person).await?;
    if !sessions::lives(&tx, token.session, people.clock.now()).await? {
        return Err(AuthError::Invalid.into());
    }
    let person = people::read(&tx).await?.ok_or_else(gone)?;
    tx.commit().await?;

    let invitation = open(people, &invitation, &person.email).await?;
    let tx = TenantTx::begin(&people.db, invitation.tenant).await?;
    let membership = take_up(people, call, &tx, token.person, &invitation).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &json!({ "tenant": show_membership(&membership) }))
}

/// The invitation that a token is, if it is for this address and still good.
///
/// # Errors
/// The same for every reason why it is not.
pub(super) async fn open(
    people: &People,
    token: &OpaqueToken<InvitationId>,
    email: &str,
) -> Result<Invitation, GatewayError> {
    let found = joining::find(&people.db, token.id()).await?;
    let good = |invitation: &Invitation| {
        token.matches(&invitation.hash) && invitation.email == email && invitation.expires_at > people.clock.now()
    };
    let invitation = found.filter(good).ok_or_else(none)?;
    let (standing, _) = tenants::find_standing(&people.db, invitation.tenant, None).await?.ok_or_else(none)?;
    match standing.status {
        Status::Active => Ok(invitation),
        Status::Suspended | Status::Deleting => Err(GatewayError::TenantSuspended),
    }
}

/// Makes a person a member of the transaction's tenant, as its invitation says, and the invitation none.
pub(super) async fn take_up(
    people: &People,
    call: &Call,
    tx: &TenantTx,
    person: PersonId,
    invitation: &Invitation,
) -> Result<Membership, GatewayError> {
    if !joining::take(tx, invitation.id).await? {
        return Err(none());
    }
    people::join(tx, person, invitation.role).await.map_err(|error| match error {
        db::Error::Exists(_) => GatewayError::Conflict("you are a member of this tenant already".into()),
        other => other.into(),
    })?;
    let after = json!({ "role": invitation.role.as_str(), "invitation": invitation.id.to_string() });
    people.note(tx, call, person, "members.join", person.to_string(), Some(after)).await?;
    let name = tenants::name(tx).await?.ok_or_else(none)?;
    Ok(Membership { tenant: invitation.tenant, name, role: invitation.role, status: Status::Active })
}

fn none() -> GatewayError {
    Invalid::value("invitation", "is not an invitation for your e-mail address, or was used, or has expired").into()
}
