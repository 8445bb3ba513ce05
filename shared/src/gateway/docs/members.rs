//! `/v1/tenant/members`.
#![expect(dead_code, reason = "the fields of what is described are read by the derive")]

use super::operation::{Operation, PAGE, delete, get, patch, post};
use crate::tenancy::{Permission, Role};
use time::OffsetDateTime;
use utoipa::ToSchema;

/// Who is asked to join, as what.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct NewInvitation {
    #[schema(format = Email)]
    email: String,
    /// Not above the caller's own.
    role: Role,
}

/// Another role.
#[derive(ToSchema)]
#[serde(deny_unknown_fields)]
struct MemberChange {
    role: Role,
}

/// Somebody who belongs to the tenant.
#[derive(ToSchema)]
struct Member {
    id: String,
    email: String,
    name: String,
    role: Role,
    /// When they joined.
    created_at: OffsetDateTime,
}

/// Somebody who was asked to.
#[derive(ToSchema)]
struct Invitation {
    id: String,
    email: String,
    role: Role,
    created_at: OffsetDateTime,
    /// Seven days after it was made.
    expires_at: OffsetDateTime,
}

/// An invitation with its token, which is shown only here.
#[derive(ToSchema)]
struct InvitationWithToken {
    /// Give it to the person: whoever has it and the address can join.
    invitation: String,
    #[serde(flatten)]
    rest: Invitation,
}

const MEMBER: &str = r#"{"id": "usr_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "email": "ada@example.com", "name": "Ada", "role": "admin",
    "created_at": "2027-01-10T09:30:00Z"}"#;
const INVITATION: &str = r#"{"id": "inv_0199f1c27a3e7d0c8b5e4f6a7b8c9d0e", "email": "ada@example.com", "role": "admin",
    "created_at": "2027-01-10T09:30:00Z", "expires_at": "2027-01-17T09:30:00Z"}"#;

pub(super) fn operations() -> Vec<Operation> {
    vec![
        get("/v1/tenant/members", "listMembers", "Lists the members")
            .needs(Permission::ReadMembers)
            .query(PAGE)
            .lists::<Member>("A page of members.", MEMBER),
        post("/v1/tenant/members", "inviteMember", "Invites somebody")
            .more("The answer is the same whether or not the address has an account.")
            .needs(Permission::ManageMembers)
            .takes::<NewInvitation>(r#"{"email": "ada@example.com", "role": "admin"}"#)
            .answers::<InvitationWithToken>(
                201,
                "The invitation, with its token.",
                &INVITATION.replacen('{', r#"{"invitation": "inv_<id>_<secret>","#, 1),
            )
            .refuses(&[409]),
        get("/v1/tenant/members/invitations", "listInvitations", "Lists the open invitations")
            .needs(Permission::ReadMembers)
            .lists::<Invitation>("All of them.", INVITATION),
        delete("/v1/tenant/members/invitations/{invitation_id}", "withdrawInvitation", "Withdraws an invitation")
            .needs(Permission::ManageMembers)
            .answers_plain(204, "It is withdrawn.", None),
        get("/v1/tenant/members/{member_id}", "readMember", "Shows a member")
            .needs(Permission::ReadMembers)
            .answers::<Member>(200, "The member.", MEMBER),
        patch("/v1/tenant/members/{member_id}", "updateMember", "Gives a member another role")
            .needs(Permission::ManageMembers)
            .takes::<MemberChange>(r#"{"role": "member"}"#)
            .answers::<Member>(200, "The member as they are now.", MEMBER)
            .refuses(&[409]),
        delete("/v1/tenant/members/{member_id}", "removeMember", "Removes a member")
            .needs(Permission::ManageMembers)
            .answers_plain(204, "They are no longer a member.", None)
            .refuses(&[409]),
    ]
}
