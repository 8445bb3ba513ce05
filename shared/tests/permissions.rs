//! `docs/permissions.md`, written from the one table of who may do what.

use std::{fmt::Write as _, fs, path::Path};
use supergate::tenancy::{Role, rbac::TABLE};

const HEAD: &str = "\
# Who may do what

Written by `make docs` from the table in [`rbac.rs`](../shared/src/tenancy/rbac.rs), which alone decides it; a test compares. A role is a
key's or a member's. `operator` is a role of the platform's own tenant; operators reach other tenants by `?tenant_id=` at `/v1/tenant` and `/v1/audit`,
and nowhere else. A refusal names the permission that is lacking.

Who gives a role has it or a higher one; from the highest: operator, owner, admin, member, viewer. A key gives no more than it has: role,
models, limits and end of a key that it makes, changes or rotates are within its own.

";

fn page() -> String {
    let mut page = HEAD.to_owned();
    let roles: Vec<&str> = Role::ALL.iter().map(|role| role.as_str()).collect();
    let _ = writeln!(page, "| permission | what | {} |", roles.join(" | "));
    let _ = writeln!(page, "|---|---|{}", "---|".repeat(roles.len()));
    for (permission, what, allowed) in rows() {
        let cells: Vec<&str> = Role::ALL.iter().map(|role| if allowed.contains(role) { "yes" } else { "" }).collect();
        let _ = writeln!(page, "| `{permission}` | {what} | {} |", cells.join(" | "));
    }
    page
}

fn rows() -> impl Iterator<Item = (&'static str, &'static str, &'static [Role])> {
    TABLE.iter().map(|(permission, roles)| (permission.as_str(), permission.what(), *roles))
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a person asks the test to write the page, which no configuration does")]
fn the_page_says_what_the_table_says() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/permissions.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&file, &page).expect("the page is written");
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    assert!(committed == page, "docs/permissions.md is stale; `make docs` writes it anew");
}

#[test]
fn every_permission_is_told_in_words() {
    for (permission, what, allowed) in rows() {
        assert!(what.len() > 5 && !what.contains('|'), "{permission}: {what}");
        assert!(!allowed.is_empty(), "{permission}: nobody may");
    }
}
