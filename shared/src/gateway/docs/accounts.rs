//! `/v1/auth`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{BEARER, COOKIE, NOBODY, Operation, get, patch, post};
use crate::tenancy::{Role, Status};
use utoipa::{ToSchema, openapi::Required};

/// A new account, with a tenant of its own or a place in the one that an invitation is of. `tenant_name` and `invitation` exclude each other.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewAccount {
    /// Plain ASCII; upper and lower case are the same.
    email: String,
    #[schema(min_length = 8, max_length = 128, write_only)]
    password: String,
    #[schema(min_length = 1, max_length = 200)]
    name: String,
    #[schema(min_length = 1, max_length = 200)]
    tenant_name: Option<String>,
    /// As `inv_…_…`.
    invitation: Option<String>,
}

/// Who signs in.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Login {
    email: String,
    #[schema(write_only)]
    password: String,
    /// For which of their tenants; the oldest membership that is served if it is not given.
    tenant_id: Option<String>,
}

/// For which of their tenants to go on.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Switch {
    tenant_id: String,
}

/// An invitation to a tenant.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct Acceptance {
    /// As `inv_…_…`.
    invitation: String,
}

/// What is to change.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct AccountChange {
    #[schema(min_length = 1, max_length = 200)]
    name: String,
}

/// A new password.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordChange {
    #[schema(write_only)]
    current_password: String,
    #[schema(min_length = 8, max_length = 128, write_only)]
    new_password: String,
}

/// Who is signed in. The refresh token is in a cookie, which only `/v1/auth` gets and no script can read.
#[derive(ToSchema)]
struct SignedIn {
    /// Goes where an API key goes; for 15 minutes.
    access_token: String,
    user: Person,
    /// Null for a member of none.
    #[schema(required = true)]
    tenant: Option<Membership>,
}

/// A person.
#[derive(ToSchema)]
struct Person {
    id: String,
    /// Null for whom an identity provider vouches for.
    #[schema(required = true)]
    email: Option<String>,
    #[schema(required = true)]
    name: Option<String>,
}

/// A tenant that a person is a member of.
#[derive(ToSchema)]
struct Membership {
    id: String,
    name: String,
    role: Role,
    status: Status,
}

/// The tenant that was joined.
#[derive(ToSchema)]
struct Joined {
    tenant: Membership,
}

/// Who calls, for which tenant, and what they may do there.
#[derive(ToSchema)]
struct Account {
    /// Null for an API key.
    #[schema(required = true)]
    user: Option<Person>,
    #[schema(required = true)]
    tenant: Option<Membership>,
    #[schema(required = true)]
    role: Option<Role>,
    permissions: Vec<String>,
    /// All of theirs.
    tenants: Vec<Membership>,
}

const TENANT: &str = r#"{"id": "ten_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "name": "Analytical engines", "role": "owner", "status": "active"}"#;
const ADA: &str = r#"{"id": "usr_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "email": "ada@example.com", "name": "Ada"}"#;
const REGISTER: &str = r#"{"email": "ada@example.com", "password": "correct horse battery staple", "name": "Ada",
    "tenant_name": "Analytical engines"}"#;
const REGISTER_INVITED: &str = r#"{"email": "grace@example.com", "password": "correct horse battery staple", "name": "Grace",
    "invitation": "inv_<id>_<secret>"}"#;

fn signed_in() -> String {
    format!(r#"{{"access_token": "<token>", "user": {ADA}, "tenant": {TENANT}}}"#)
}

fn account() -> String {
    format!(
        r#"{{"user": {ADA}, "tenant": {TENANT}, "role": "owner", "permissions": ["models.read", "keys.manage"], "tenants": [{TENANT}]}}"#
    )
}

/// The answer to who signs in, in whichever way.
fn signs_in(operation: Operation, status: u16) -> Operation {
    let operation =
        operation.answers::<SignedIn>(status, "The access token; the refresh token is in the cookie.", &signed_in());
    operation.header(
        status,
        "set-cookie",
        "`supergate_refresh`: used once, replaced by each answer, good for 30 days after the sign-in.",
    )
}

pub(super) fn operations() -> Vec<Operation> {
    let register = post("/v1/auth/register", "register", "Makes an account")
        .more("A deployment may want an invitation from everybody.")
        .takes_one_of::<NewAccount>(Required::True, &[("example", REGISTER), ("invited", REGISTER_INVITED)]);
    let login = post("/v1/auth/login", "login", "Signs a person in")
        .takes::<Login>(r#"{"email": "ada@example.com", "password": "correct horse battery staple"}"#);
    let refresh = post("/v1/auth/refresh", "refresh", "Exchanges the cookie for an access token and the next cookie")
        .more("A cookie that comes a second time ends its session: somebody else has it too.")
        .called_by(&[COOKIE]);
    let switch = post("/v1/auth/switch", "switchTenant", "Goes on for another of the person's tenants")
        .more("Without the cookie, the access token is exchanged for one that ends when it would have.")
        .called_by(&[COOKIE, BEARER])
        .takes::<Switch>(r#"{"tenant_id": "ten_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e"}"#);
    vec![
        signs_in(register, 201).refuses(&[403, 409, 429, 503]),
        signs_in(login, 200).refuses(&[401, 403, 404, 429, 503]),
        signs_in(refresh, 200).refuses(&[403]),
        signs_in(switch, 200).refuses(&[403, 404]),
        post("/v1/auth/logout", "logout", "Ends the session that the cookie, or else the access token, is of")
            .called_by(&[COOKIE, BEARER, NOBODY])
            .answers_plain(204, "Signed out, or was already.", None),
        get("/v1/auth/me", "readAccount", "Says who calls, for which tenant, and what they may do there")
            .called_by(&[BEARER])
            .answers::<Account>(200, "Who calls.", &account()),
        patch("/v1/auth/me", "updateAccount", "Changes the person's name")
            .called_by(&[BEARER])
            .takes::<AccountChange>(r#"{"name": "Ada Lovelace"}"#)
            .answers::<Account>(200, "Who calls.", &account())
            .refuses(&[403]),
        post("/v1/auth/password", "changePassword", "Changes the person's password, and ends their other sessions")
            .called_by(&[BEARER])
            .takes::<PasswordChange>(
                r#"{"current_password": "correct horse battery staple", "new_password": "another horse, another staple"}"#,
            )
            .answers_plain(204, "It is changed.", None)
            .refuses(&[403, 429]),
        post("/v1/auth/accept", "acceptInvitation", "Takes up an invitation to a further tenant")
            .called_by(&[BEARER])
            .takes::<Acceptance>(r#"{"invitation": "inv_<id>_<secret>"}"#)
            .answers::<Joined>(200, "The tenant that was joined.", &format!(r#"{{"tenant": {TENANT}}}"#))
            .refuses(&[403, 409]),
    ]
}
