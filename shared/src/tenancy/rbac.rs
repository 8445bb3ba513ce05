//! What a role may do. The only maker of a [`Grant`], without which nothing below authentication runs.

use super::{KeyId, Principal, Role, TenantId};

/// Something that can be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    /// Ask a model.
    Infer,
    /// List the models.
    ReadModels,
}

impl Permission {
    /// As a refusal names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Infer => "inference.create",
            Self::ReadModels => "models.read",
        }
    }
}

/// Role × permission.
const TABLE: &[(Permission, &[Role])] = &[
    (Permission::Infer, &[Role::Owner, Role::Admin, Role::Member]),
    (Permission::ReadModels, &[Role::Owner, Role::Admin, Role::Member, Role::Viewer]),
];

/// Proof that a principal may do one thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    tenant: TenantId,
    key: KeyId,
    permission: Permission,
}

impl Grant {
    /// Whose data.
    pub fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// With which key.
    pub fn key(&self) -> KeyId {
        self.key
    }

    /// To do what.
    pub fn permission(&self) -> Permission {
        self.permission
    }
}

/// The principal's role does not have the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this key's role is `{}`, which lacks the permission `{}`", .role.as_str(), .permission.as_str())]
pub struct Denied {
    role: Role,
    permission: Permission,
}

/// Allows a principal one thing, or says what is lacking.
///
/// # Errors
/// [`Denied`] names the role and the permission.
pub fn authorize(principal: &Principal, permission: Permission) -> Result<Grant, Denied> {
    let allowed = TABLE.iter().any(|(row, roles)| *row == permission && roles.contains(&principal.role));
    if !allowed {
        return Err(Denied { role: principal.role, permission });
    }
    Ok(Grant { tenant: principal.tenant, key: principal.key, permission })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_role_may_do_what_its_row_says_and_no_more() {
        #[rustfmt::skip]
        let table = [
            (Role::Owner,  Permission::Infer,      true),
            (Role::Admin,  Permission::Infer,      true),
            (Role::Member, Permission::Infer,      true),
            (Role::Viewer, Permission::Infer,      false),
            (Role::Owner,  Permission::ReadModels, true),
            (Role::Viewer, Permission::ReadModels, true),
        ];
        let now = Duration::from_secs(1);
        let (tenant, key) = (TenantId::generate(now), KeyId::generate(now));
        for (role, permission, may) in table {
            let answer = authorize(&Principal { tenant, key, role }, permission);
            assert_eq!(answer.is_ok(), may, "{role:?} {permission:?}");
        }
    }
}
