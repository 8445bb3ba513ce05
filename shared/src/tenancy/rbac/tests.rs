use super::*;
use crate::tenancy::ModelList;
use std::sync::Arc;

#[test]
fn a_role_may_do_what_its_row_says_and_no_more() {
    #[rustfmt::skip]
    let table = [
        (Role::Owner,    Permission::Infer,             true,  "an owner uses too"),
        (Role::Member,   Permission::Infer,             true,  "what members are for"),
        (Role::Viewer,   Permission::Infer,             false, "looks, does not spend"),
        (Role::Operator, Permission::Infer,             false, "runs the deployment; a tenant's key is for using it"),
        (Role::Viewer,   Permission::ReadModels,        true,  "a look"),
        (Role::Admin,    Permission::DeleteTenant,      false, "the end is the owner's"),
        (Role::Owner,    Permission::DeleteTenant,      true,  "its own"),
        (Role::Owner,    Permission::ManageTenants,     false, "other tenants are the operators'"),
        (Role::Member,   Permission::ManageKeys,        false, "a member cannot make itself an admin"),
        (Role::Admin,    Permission::ManageCredentials, true,  "an admin brings the provider's key"),
    ];
    for (role, permission, may, why) in table {
        assert_eq!(authorize(&Principal::of_role(role), permission).is_ok(), may, "{why}");
    }
}

#[test]
fn nobody_below_admin_manages_anything() {
    for (permission, roles) in TABLE {
        let manages = permission.as_str().ends_with(".manage") || permission.as_str().ends_with(".update");
        assert!(!manages || !roles.iter().any(|role| role.rank() < Role::Admin.rank()), "{}", permission.as_str());
    }
}

#[test]
fn what_only_reads_or_asks_is_for_a_moment_and_all_else_lasts() {
    for (permission, _) in TABLE {
        let name = permission.as_str();
        assert_eq!(permission.is_for_a_moment(), name.ends_with(".read") || name == "inference.create", "{name}");
    }
}

#[test]
fn a_model_must_be_allowed_by_the_key_and_by_the_tenant() {
    let list = |names: &[&str]| Some(ModelList::new(names.iter().map(|name| (*name).to_owned()).collect()));
    #[rustfmt::skip]
    let table = [
        (None,                   None,                  None,                   true,  "no list is no bound"),
        (list(&["openai/*"]),    None,                  None,                   true,  "under the key's star"),
        (list(&["mistral/*"]),   None,                  None,                   false, "not among the key's"),
        (None,                   list(&["openai/*"]),   None,                   true,  "under the tenant's star"),
        (list(&["openai/*"]),    list(&["cohere/*"]),   None,                   false, "the key's list is no way around the tenant's"),
        (None,                   None,                  Some(vec!["cohere"]),   false, "another provider only"),
        (list(&[]),              None,                  None,                   false, "an empty list has nothing"),
    ];
    for (of_key, of_tenant, providers, may, why) in table {
        let mut one = Principal::of_role(Role::Member);
        let rights = Arc::get_mut(&mut one.rights).expect("nobody else has it");
        rights.models = of_key;
        rights.standing.allowed_models = of_tenant;
        rights.standing.allowed_providers = providers.map(|all| all.into_iter().map(str::to_owned).collect());
        let grant = authorize(&one, Permission::Infer).expect("a member");
        assert_eq!(grant.allow_model("openai", "gpt-4o-mini").is_ok(), may, "{why}");
    }
}
