//! `/v1/tenant/members`: who belongs to the tenant, as what, and who is asked to.

use super::{
    body::Body,
    office::{Act, Office},
    page::Query,
    shown::{self, time},
};
use crate::{
    db::{
        TenantTx,
        members::{self, InvitationRow, MemberRow},
        tenants,
    },
    error::GatewayError,
    gateway::call::{Call, Reply},
    tenancy::{Email, InvitationId, OpaqueToken, Permission, PersonId, Role, TenantId, principal::KeyLimits},
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use time::Duration;
use zeroize::Zeroizing;

const INVITATION_DAYS: i64 = 7;

/// Answers a request; `rest` is what follows the route.
pub(super) async fn answer(office: &Office, call: &Call, rest: &str) -> Result<Reply, GatewayError> {
    let mut parts = rest.split('/').filter(|part| !part.is_empty());
    match (&call.method, parts.next(), parts.next(), parts.next()) {
        (&Method::GET, None, ..) => list(office, call).await,
        (&Method::POST, None, ..) => invite(office, call).await,
        (&Method::GET, Some("invitations"), None, _) => list_invitations(office, call).await,
        (&Method::DELETE, Some("invitations"), Some(id), None) => withdraw(office, call, id).await,
        (method, Some("invitations"), _, None) => Err(GatewayError::MethodNotAllowed(method.to_string())),
        (&Method::GET, Some(id), None, _) => read(office, call, id).await,
        (&Method::PATCH, Some(id), None, _) => update(office, call, id).await,
        (&Method::DELETE, Some(id), None, _) => remove(office, call, id).await,
        (method, _, None, _) => Err(GatewayError::MethodNotAllowed(method.to_string())),
        _ => Err(GatewayError::NotFound("this path".into())),
    }
}

async fn list(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadMembers).await?;
    let page = Query::read(&call.query, &["limit", "cursor"])?.page::<PersonId>()?;
    let tx = office.begin(&act).await?;
    let rows = members::list(&tx, page.after, page.rows()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &page.list(rows, |member| member.person.to_string(), |member| show(&member)))
}

async fn read(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadMembers).await?;
    Query::none(&call.query)?;
    let id = known(id)?;
    let tx = office.begin(&act).await?;
    let member = members::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &show(&member))
}

/// The answer is the same whether or not the address has an account: an administrator does not learn that.
async fn invite(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageMembers).await?;
    Query::none(&call.query)?;
    let mut body = Body::read(call.json_body()?)?;
    let email = body.required_parsed::<Email>("email");
    let role = body.required_parsed::<Role>("role");
    check_role_word(&mut body, role, &act);
    body.finish()?;
    let (Some(email), Some(role)) = (email, role) else { return Err(shown::not_found()) };
    check_rank(role, &act)?;
    check_unbounded(&act)?;

    let mut secret = Zeroizing::new([0; 32]);
    getrandom::fill(secret.as_mut_slice()).map_err(|error| GatewayError::Internal(error.into()))?;
    let invitation = OpaqueToken::new(InvitationId::generate(office.clock.since_epoch()), secret);
    let row = InvitationRow {
        id: invitation.id(),
        email: email.to_string(),
        role,
        created_at: act.at,
        expires_at: act.at + Duration::days(INVITATION_DAYS),
    };
    let tx = office.begin(&act).await?;
    if members::is_member(&tx, email.as_str()).await? {
        return Err(GatewayError::Conflict("this address is a member's already".into()));
    }
    let replaced = members::invite(&tx, &row, &invitation.hash()).await?;
    if let Some(replaced) = &replaced {
        check_rank(replaced.role, &act)?;
    }
    let mut shown = show_invitation(&row);
    let change = (replaced.as_ref().map(show_invitation), Some(shown.clone()));
    office.note(&tx, &act, "members.invite", row.id.to_string(), change).await?;
    tx.commit().await?;
    shown["invitation"] = json!(invitation.reveal().as_str());
    shown::once(StatusCode::CREATED, &shown)
}

async fn list_invitations(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ReadMembers).await?;
    let page = Query::read(&call.query, &["limit", "cursor"])?.page::<InvitationId>()?;
    let tx = office.begin(&act).await?;
    let rows = members::invitations(&tx, page.after, page.rows()).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &page.list(rows, |row| row.id.to_string(), |row| show_invitation(&row)))
}

async fn withdraw(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageMembers).await?;
    Query::none(&call.query)?;
    let id: InvitationId = id.parse().map_err(|_| shown::not_found())?;
    let tx = office.begin(&act).await?;
    let row = members::withdraw(&tx, id).await?.ok_or_else(shown::not_found)?;
    check_rank(row.role, &act)?;
    office.note(&tx, &act, "members.withdraw", id.to_string(), (Some(show_invitation(&row)), None)).await?;
    tx.commit().await?;
    Ok(Reply::empty())
}

async fn update(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let act = office.authorize(call, Permission::ManageMembers).await?;
    Query::none(&call.query)?;
    let mut body = Body::read(call.json_body()?)?;
    let role = body.required_parsed::<Role>("role");
    check_role_word(&mut body, role, &act);
    body.finish()?;
    let role = role.ok_or_else(shown::not_found)?;
    let id = known(id)?;
    let tx = begin_alone(office, &act).await?;
    let before = members::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    check_rank(before.role, &act)?;
    check_rank(role, &act)?;
    check_unbounded(&act)?;
    if role != before.role {
        keep_one_at_the_top(&tx, &before).await?;
    }
    members::set_role(&tx, before.person, role).await?;
    let after = MemberRow { role, ..before.clone() };
    let (before, after) = (show(&before), show(&after));
    office.note(&tx, &act, "members.update", id.to_string(), (Some(before), Some(after.clone()))).await?;
    tx.commit().await?;
    Reply::json(StatusCode::OK, &after)
}

/// Everybody may leave; who may manage members may remove others.
async fn remove(office: &Office, call: &Call, id: &str) -> Result<Reply, GatewayError> {
    let anybody = office.authorize_anew(call, Permission::ReadTenant).await?;
    let leaves = anybody.grant.actor().person().is_some_and(|person| id.parse() == Ok(person));
    let act = if leaves { anybody } else { anybody.also(Permission::ManageMembers)? };
    Query::none(&call.query)?;
    let id = known(id)?;
    let tx = begin_alone(office, &act).await?;
    let member = members::read(&tx, id).await?.ok_or_else(shown::not_found)?;
    check_rank(member.role, &act)?;
    keep_one_at_the_top(&tx, &member).await?;
    members::remove(&tx, member.person).await?;
    office.note(&tx, &act, "members.remove", id.to_string(), (Some(show(&member)), None)).await?;
    tx.commit().await?;
    Ok(Reply::empty())
}

/// A transaction beside which no other changes the tenant's members: one lock for all of them, which two cannot take in different orders.
async fn begin_alone(office: &Office, act: &Act) -> Result<TenantTx, GatewayError> {
    let tx = office.begin(act).await?;
    tenants::lock(&tx).await?.ok_or_else(shown::not_found)?;
    Ok(tx)
}

/// A tenant whose last owner leaves could not be ended by anybody.
async fn keep_one_at_the_top(tx: &TenantTx, member: &MemberRow) -> Result<(), GatewayError> {
    if member.role.rank() >= Role::Owner.rank() && members::count_of_role(tx, member.role).await? <= 1 {
        return Err(GatewayError::Conflict(format!("this is the last {}; make another first", member.role.as_str())));
    }
    Ok(())
}

fn check_role_word(body: &mut Body, role: Option<Role>, act: &Act) {
    if role == Some(Role::Operator) && act.tenant() != TenantId::PLATFORM {
        body.fault::<()>("role", "must be one of owner, admin, member, viewer");
    }
}

fn check_rank(role: Role, act: &Act) -> Result<(), GatewayError> {
    let own = act.grant.role();
    if role.rank() <= own.rank() {
        return Ok(());
    }
    let problem = format!("`{}` is more than your own, `{}`", role.as_str(), own.as_str());
    Err(GatewayError::Beyond { param: "role", problem })
}

/// A membership has no bounds, and whoever has one makes keys without any: a key that has some would give more than it has.
fn check_unbounded(act: &Act) -> Result<(), GatewayError> {
    let rights = act.grant.rights();
    let bounded = rights.models.is_some()
        || !rights.tags.is_empty()
        || rights.limits != KeyLimits::default()
        || rights.expires_at.is_some();
    if act.grant.actor().key().is_some() && bounded {
        let problem =
            "cannot be given with this key: it has models, tags, limits or an end of its own, and a member has none";
        return Err(GatewayError::Beyond { param: "role", problem: problem.into() });
    }
    Ok(())
}

fn known(id: &str) -> Result<PersonId, GatewayError> {
    id.parse().map_err(|_| shown::not_found())
}

fn show(member: &MemberRow) -> Value {
    json!({
        "id": member.person.to_string(),
        "email": member.email,
        "name": member.name,
        "role": member.role.as_str(),
        "created_at": time(member.created_at),
    })
}

fn show_invitation(row: &InvitationRow) -> Value {
    json!({
        "id": row.id.to_string(),
        "email": row.email,
        "role": row.role.as_str(),
        "created_at": time(row.created_at),
        "expires_at": time(row.expires_at),
    })
}
