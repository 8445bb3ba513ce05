//! `/v1/auth/me` and `/v1/auth/password`: a person's own account.

use super::{People, gone, show_membership, show_person};
use crate::{
    crypto::password::Password,
    db::{
        PersonTx, TenantTx,
        people::{self, Membership},
        sessions, tenants,
    },
    error::GatewayError,
    gateway::{
        admin::body::{Body, MAX_NAME_CHARS},
        call::{Call, Reply},
    },
    openai::Invalid,
    tenancy::{AccessToken, Principal, Role, Status, auth::AuthError, rbac},
};
use http::StatusCode;
use serde_json::{Value, json};
use zeroize::Zeroizing;

/// `GET /v1/auth/me`: who calls, for which tenant, and what they may do there. Any credential may ask.
pub(super) async fn show(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let body = match people.auth.own_token(&call.headers)? {
        Some(token) => show_own(people, &token).await?,
        None => show_principal(people, &people.auth.authenticate(&call.headers).await?.0).await?,
    };
    Reply::json(StatusCode::OK, &body)
}

async fn show_own(people: &People, token: &AccessToken) -> Result<Value, GatewayError> {
    let tx = open(people, token).await?;
    let person = people::read(&tx).await?.ok_or_else(gone)?;
    tx.commit().await?;
    let memberships = people::memberships(&people.db, token.person).await?;
    let acts_for = |one: &&Membership| Some(one.tenant) == token.tenant && one.status == Status::Active;
    let tenant = memberships.iter().find(acts_for);
    Ok(json!({
        "user": show_person(token.person, &person.email, &person.name),
        "tenant": tenant.map(show_membership),
        "role": tenant.map(|membership| membership.role.as_str()),
        "permissions": tenant.map(|membership| permissions(membership.role)).unwrap_or_default(),
        "tenants": memberships.iter().map(show_membership).collect::<Vec<_>>(),
    }))
}

/// A key is of one tenant, and nobody; whom an identity provider vouches for has no account here.
async fn show_principal(people: &People, principal: &Principal) -> Result<Value, GatewayError> {
    let tx = TenantTx::begin(&people.db, principal.tenant).await?;
    let name = tenants::name(&tx).await?.unwrap_or_default();
    tx.commit().await?;
    let status = principal.rights.standing.status;
    let tenant = show_membership(&Membership { tenant: principal.tenant, name, role: principal.role, status });
    let user = principal.actor.person().map(|person| json!({ "id": person.to_string(), "email": null, "name": null }));
    Ok(json!({
        "user": user,
        "tenant": tenant,
        "role": principal.role.as_str(),
        "permissions": permissions(principal.role),
        "tenants": [tenant],
    }))
}

/// `PATCH /v1/auth/me`.
pub(super) async fn rename(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let token = people.signed_in(call).await?;
    let mut body = Body::read(call.json_body()?)?;
    let name = body.required_text("name", MAX_NAME_CHARS);
    body.finish()?;
    let name = name.ok_or_else(|| Invalid::value("name", "is required"))?;
    let tx = open(people, &token).await?;
    people::rename(&tx, &name, people.clock.now()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show_own(people, &token).await?)
}

/// `POST /v1/auth/password`. Every other session of the person ends.
pub(super) async fn change_password(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let token = people.signed_in(call).await?;
    let (current, new) = read_passwords(call)?;
    let tx = open(people, &token).await?;
    let stored = people::read(&tx).await?.ok_or_else(gone)?.password_hash;
    tx.commit().await?;
    // A stolen access token is no way to guess faster.
    let account = token.person.to_string();
    let now = people.clock.since_epoch();
    let counted = people.attempts.begin("password", Some(&account), call.address.as_deref(), now).await?;
    if !people.fits(current, stored).await? {
        return Err(Invalid::value("current_password", "is wrong").into());
    }
    people.attempts.forgive(counted, &call.after);
    let hash = people.hash(new).await?;
    let tx = open(people, &token).await?;
    people::set_password(&tx, &hash, people.clock.now()).await?;
    sessions::end_others(&tx, token.session).await?;
    match token.tenant {
        None => tx.commit().await?,
        Some(tenant) => {
            let tx = tx.enter(tenant).await?;
            people.note(&tx, call, token.person, "people.change_password", account, None).await?;
            tx.commit().await?;
        }
    }
    Ok(Reply::empty())
}

/// A transaction on the account of who carries the token, if their session goes on: an access token outlives its session by minutes, in
/// which nothing of the account can be touched any more.
async fn open(people: &People, token: &AccessToken) -> Result<PersonTx, GatewayError> {
    let tx = PersonTx::begin(&people.db, token.person).await?;
    match sessions::lives(&tx, token.session, people.clock.now()).await? {
        true => Ok(tx),
        false => Err(AuthError::Invalid.into()),
    }
}

fn read_passwords(call: &Call) -> Result<(Password, Password), GatewayError> {
    let mut body = Body::read(call.json_body()?)?;
    let mut password = |name| body.required_secret(name).map(Zeroizing::new).map(|typed| Password::new(&typed));
    let (current, new) = (password("current_password"), password("new_password"));
    if let Some(Err(problem)) = new.as_ref().map(Password::check) {
        body.fault::<()>("new_password", problem);
    }
    body.finish()?;
    match (current, new) {
        (Some(current), Some(new)) => Ok((current, new)),
        _ => Err(Invalid::value("new_password", "is required").into()),
    }
}

fn permissions(role: Role) -> Vec<&'static str> {
    rbac::permissions_of(role).map(rbac::Permission::as_str).collect()
}
