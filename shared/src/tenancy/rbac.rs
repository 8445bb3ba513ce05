//! What a role may do. The only maker of a [`Grant`], without which nothing below authentication runs.

use super::{Actor, Principal, Rights, Role, TenantId};
use crate::usage::ServedWith;

macro_rules! permissions {
    ($(#[doc = $doc:literal] $name:ident = $text:literal: $($role:ident)+;)+) => {
        /// Something that can be allowed.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Permission {
            $(#[doc = $doc] $name),+
        }

        impl Permission {
            /// As a refusal names it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),+
                }
            }

            /// Whether it leaves nothing behind that would outlast a revocation.
            pub fn is_for_a_moment(self) -> bool {
                matches!(
                    self,
                    Self::Infer
                        | Self::ReadModels
                        | Self::ReadTenant
                        | Self::ReadMembers
                        | Self::ReadKeys
                        | Self::ReadCredentials
                        | Self::ReadBudgets
                        | Self::ReadPrices
                        | Self::ReadUsage
                        | Self::ReadAllUsage
                        | Self::ReadCache
                        | Self::ReadAudit
                )
            }

            /// What it allows, for people.
            pub fn what(self) -> &'static str {
                match self {
                    $(Self::$name => $doc.trim_ascii()),+
                }
            }
        }

        /// Permission × role: all there is to know about who may do what.
        pub const TABLE: &[(Permission, &[Role])] = &[$((Permission::$name, &[$(Role::$role),+])),+];
    };
}

permissions! {
    /// Ask a model.
    Infer = "inference.create": Owner Admin Member;
    /// List the models.
    ReadModels = "models.read": Operator Owner Admin Member Viewer;
    /// See the tenant.
    ReadTenant = "tenant.read": Operator Owner Admin Member Viewer;
    /// Rename the tenant, change its settings.
    UpdateTenant = "tenant.update": Operator Owner Admin;
    /// End the tenant.
    DeleteTenant = "tenant.delete": Operator Owner;
    /// Make tenants, set their tiers, suspend them: for the deployment's operators.
    ManageTenants = "tenants.manage": Operator;
    /// See who the members are.
    ReadMembers = "members.read": Operator Owner Admin;
    /// Invite, change and remove members.
    ManageMembers = "members.manage": Operator Owner Admin;
    /// See the API keys.
    ReadKeys = "keys.read": Operator Owner Admin;
    /// Make, change, rotate and revoke API keys.
    ManageKeys = "keys.manage": Operator Owner Admin;
    /// See which providers' keys are stored.
    ReadCredentials = "provider_keys.read": Operator Owner Admin;
    /// Store, replace and delete providers' keys.
    ManageCredentials = "provider_keys.manage": Operator Owner Admin;
    /// See budgets, what is spent of them, and limits.
    ReadBudgets = "budgets.read": Operator Owner Admin;
    /// Make, change and delete budgets and limits.
    ManageBudgets = "budgets.manage": Operator Owner Admin;
    /// See prices of the tenant's own, and models without one.
    ReadPrices = "prices.read": Operator Owner Admin;
    /// Set prices: for what is served with the tenant's own provider keys, and as an operator for all.
    ManagePrices = "prices.manage": Operator Owner Admin;
    /// See the own use: of the key that asks, or of the person.
    ReadUsage = "usage.read": Operator Owner Admin Member Viewer;
    /// See everybody's use.
    ReadAllUsage = "usage.read_all": Operator Owner Admin Viewer;
    /// See what the cache brought, how often it was wrong, and what is in it, without contents.
    ReadCache = "cache.read": Operator Owner Admin Viewer;
    /// Empty the cache, say how far it may go.
    ManageCache = "cache.manage": Operator Owner Admin;
    /// Say that an answer of the cache was wrong.
    ReportCache = "cache.report": Operator Owner Admin Member;
    /// Read what was done.
    ReadAudit = "audit.read": Operator Owner Admin;
}

/// Proof that a principal may do one thing.
#[derive(Debug, Clone, PartialEq)]
pub struct Grant {
    principal: Principal,
    permission: Permission,
}

impl Grant {
    /// Whose data.
    pub fn tenant(&self) -> TenantId {
        self.principal.tenant
    }

    /// Who acts.
    pub fn actor(&self) -> Actor {
        self.principal.actor
    }

    /// As what.
    pub fn role(&self) -> Role {
        self.principal.role
    }

    /// Within which bounds.
    pub fn rights(&self) -> &Rights {
        &self.principal.rights
    }

    /// Whose key of a provider serves.
    pub fn served_with(&self, provider: &str) -> ServedWith {
        self.principal.served_with(provider)
    }

    /// The same principal, to do something else.
    ///
    /// # Errors
    /// [`Denied`] names the role and the permission.
    pub fn also(&self, permission: Permission) -> Result<Self, Denied> {
        authorize(&self.principal, permission)
    }

    /// To do what.
    pub fn permission(&self) -> Permission {
        self.permission
    }

    /// Whether it reaches this model.
    ///
    /// # Errors
    /// [`ModelDenied`] says who does not allow it.
    pub fn allow_model(&self, provider: &str, model: &str) -> Result<(), ModelDenied> {
        let rights = self.rights();
        let denied = |by| Err(ModelDenied { model: format!("{provider}/{model}"), by });
        if rights.models.as_ref().is_some_and(|models| !models.has(provider, model)) {
            return denied("this key");
        }
        if self.tenant_allows_model(provider, model) { Ok(()) } else { denied("this tenant's settings") }
    }

    /// Whether the tenant's settings let it be asked, whatever the key says: for what the tenant has set, and not the key's owner.
    pub fn tenant_allows_model(&self, provider: &str, model: &str) -> bool {
        let standing = &self.rights().standing;
        let provider_denied =
            standing.allowed_providers.as_ref().is_some_and(|all| !all.iter().any(|one| one == provider));
        !provider_denied && standing.allowed_models.as_ref().is_none_or(|models| models.has(provider, model))
    }
}

/// The principal's role does not have the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the role `{}` lacks the permission `{}`", .role.as_str(), .permission.as_str())]
pub struct Denied {
    role: Role,
    permission: Permission,
}

/// A model that exists and that the caller may not use.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{model}` is not among the models that {by} may use; GET /v1/models lists those")]
pub struct ModelDenied {
    model: String,
    by: &'static str,
}

/// All that a role may do.
pub fn permissions_of(role: Role) -> impl Iterator<Item = Permission> {
    TABLE.iter().filter(move |(_, roles)| roles.contains(&role)).map(|(permission, _)| *permission)
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
    Ok(Grant { principal: principal.clone(), permission })
}

#[cfg(test)]
mod tests;
