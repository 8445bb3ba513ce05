//! What each function may do in AWS, and as whom it signs in to the database: the template says it, docs/privileges.md says the same.

#[path = "privileges/template.rs"]
mod template;

use std::collections::{BTreeMap, BTreeSet};
use supergate_tests::page;
use template::{Function, Statement, Template};

const PAGE: &str = "docs/privileges.md";

/// Rights with which somebody could make rights, or read whatever there is.
const NEVER: &[&str] = &["iam:", "sts:", "secretsmanager:", "lambda:", "s3:", "cloudformation:", "ssm:"];

/// The table of rights: a line for each function, action, resource and condition. What all have, or all but one, is said once.
fn rights(template: &Template) -> String {
    let mut holders: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for Function { name, statements, .. } in &template.functions {
        for Statement { effect, actions, resources, condition } in statements {
            let not = if effect == "Allow" { "" } else { "not: " };
            for action in actions {
                let right = format!("{not}`{action}` | `{}` | {condition}", resources.join("`, `"));
                holders.entry(right.trim_end().to_owned()).or_default().push(name);
            }
        }
    }
    let mut lines = BTreeSet::new();
    for (right, functions) in &holders {
        let names = template.functions.iter().map(|function| function.name.as_str());
        let without: Vec<&str> = names.filter(|name| !functions.contains(name)).collect();
        match without.as_slice() {
            [] => drop(lines.insert(format!("| *every function* | {right} |"))),
            [one] => drop(lines.insert(format!("| *every function but {one}* | {right} |"))),
            _ => lines.extend(functions.iter().map(|function| format!("| {function} | {right} |"))),
        }
    }
    let lines: Vec<String> = lines.into_iter().collect();
    format!("| function | action | on | if |\n|---|---|---|---|\n{}\n", lines.join("\n"))
}

fn database_roles(template: &Template) -> String {
    let lines: Vec<String> = template
        .functions
        .iter()
        .map(|function| format!("| {} | {} |", function.name, function.database_role.as_deref().unwrap_or("none")))
        .collect();
    format!("| function | signs in as |\n|---|---|\n{}\n", lines.join("\n"))
}

#[test]
fn the_page_says_what_the_template_gives() {
    let template = Template::read();
    for (name, expected) in [("aws", rights(&template)), ("roles", database_roles(&template))] {
        page::update(PAGE, name, &expected);
        page::compare(PAGE, name, &expected).unwrap_or_else(|error| panic!("{error}"));
    }
}

#[test]
fn no_two_functions_share_a_role_and_none_has_another_right_than_its_roles() {
    let template = Template::read();
    let roles: BTreeMap<&str, &str> =
        template.functions.iter().map(|function| (function.role.as_str(), function.name.as_str())).collect();
    assert_eq!(roles.len(), template.functions.len(), "one role for each function");
    for Function { name, properties, .. } in &template.functions {
        for shortcut in ["Policies", "PermissionsBoundary", "AutoPublishAlias"] {
            assert!(properties.get(shortcut).is_none(), "{name}: {shortcut} would give it what its role does not say");
        }
    }
}

#[test]
fn what_is_allowed_is_named_and_on_something_named() {
    for Function { name, properties, statements, .. } in &Template::read().functions {
        for Statement { effect, actions, resources, .. } in statements.iter().filter(|one| one.effect == "Allow") {
            for action in actions {
                assert!(!action.contains('*'), "{name}: {effect} {action}");
                assert!(!NEVER.iter().any(|service| action.starts_with(service)), "{name}: {action}");
                // Lambda's service makes the network interfaces of a function, and knows them only when they are made.
                let network = action.starts_with("ec2:");
                assert!(network || resources.iter().all(|one| one != "*"), "{name}: {action} on everything");
            }
        }
        let denied = |one: &Statement| one.effect == "Deny" && one.actions == ["ec2:*"];
        let outside = properties["VpcConfig"] == "AWS::NoValue";
        assert!(outside || statements.iter().any(denied), "{name}: its own code makes no network interfaces");
    }
}

#[test]
fn a_function_signs_in_as_the_role_that_it_has_the_right_to() {
    for Function { name, statements, database_role, .. } in &Template::read().functions {
        let may: Vec<&str> = statements
            .iter()
            .filter(|one| one.actions == ["rds-db:connect"])
            .flat_map(|one| &one.resources)
            .filter_map(|resource| resource.rsplit_once('/'))
            .map(|(_, role)| role)
            .collect();
        let role = database_role.as_deref().map(|role| role.trim_matches('`')).into_iter().collect::<Vec<_>>();
        assert_eq!(may, role, "{name}: the right to sign in, and as whom it does");
    }
}

#[test]
fn a_function_decrypts_its_own_environment_and_what_its_purpose_says() {
    for Function { name, statements, .. } in &Template::read().functions {
        for one in statements.iter().filter(|one| one.effect == "Allow") {
            for action in one.actions.iter().filter(|action| action.starts_with("kms:")) {
                let bound = one.condition.contains("EncryptionContext");
                assert!(bound || action == "kms:DescribeKey", "{name}: {action} under no condition");
            }
        }
        let purpose = |action: &str| {
            statements.iter().any(|one| {
                one.actions.iter().any(|granted| granted == action)
                    && one.condition.contains("kms:EncryptionContext:purpose")
            })
        };
        // Who stores a provider's key cannot open it, who opens it cannot make another.
        assert!(
            !(purpose("kms:GenerateDataKey") && purpose("kms:Decrypt")) || name == "rotation",
            "{name} seals and opens"
        );
    }
}
