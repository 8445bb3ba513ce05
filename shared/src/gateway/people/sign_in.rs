//! `POST /v1/auth/login`.

use super::{People, choose, session::Visitor};
use crate::{
    crypto::password::Password,
    db::{PersonTx, people},
    error::GatewayError,
    gateway::{
        admin::body::Body,
        call::{Call, Reply},
    },
    openai::Invalid,
    tenancy::{Email, TenantId},
};
use http::StatusCode;
use zeroize::Zeroizing;

/// Signs somebody in. An unknown address and a wrong password get the same answer after the same work.
pub(super) async fn sign_in(people: &People, call: &Call) -> Result<Reply, GatewayError> {
    let (email, password, wanted) = read_body(call)?;
    let (account, address) = (Some(email.as_str()), call.address.as_deref());
    let counted = people.attempts.begin("login", account, address, people.clock.since_epoch()).await?;
    let found = people::find(&people.db, &email).await?;
    let stored = found.as_ref().and_then(|account| account.password_hash.clone());
    let account = match (people.fits(password, stored).await?, found) {
        (true, Some(account)) => account,
        _ => return Err(GatewayError::WrongPassword),
    };
    people.attempts.forgive(counted, &call.after);
    let memberships = people::memberships(&people.db, account.id).await?;
    let tenant = choose(&memberships, wanted)?;
    let tx = PersonTx::begin(&people.db, account.id).await?;
    let session = people.begin_session(&tx, tenant.map(|membership| membership.tenant)).await?;
    tx.commit().await?;
    let visitor = Visitor { person: account.id, email: email.as_str(), name: &account.name, tenant };
    people.welcome(StatusCode::OK, &visitor, &session)
}

fn read_body(call: &Call) -> Result<(Email, Password, Option<TenantId>), GatewayError> {
    let mut body = Body::read(call.json_body()?)?;
    let email: Option<Email> = body.required_parsed("email");
    let password = body.required_secret("password").map(Zeroizing::new);
    let tenant: Option<TenantId> = body.parsed("tenant_id");
    body.finish()?;
    match (email, password) {
        (Some(email), Some(password)) => Ok((email, Password::new(&password), tenant)),
        _ => Err(Invalid::value("email", "is required").into()),
    }
}
