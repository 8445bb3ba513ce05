//! What each function may do in AWS, and as whom it signs in to the database: the template says it, docs/privileges.md says the same.

#[path = "privileges/template.rs"]
mod template;

use std::collections::{BTreeMap, BTreeSet};
use supergate::gateway::admin::rotation::{Action, Command};
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
                one.actions.iter().any(|granted| granted == action) && one.condition.contains("`provider-key`")
            })
        };
        // Who stores a provider's key cannot open it, who opens it cannot make another.
        assert!(
            !(purpose("kms:GenerateDataKey") && purpose("kms:Decrypt")) || name == "rotation",
            "{name} seals and opens"
        );
    }
}

#[test]
fn who_checks_or_unwraps_knows_the_secret_before_so_that_each_can_be_rotated() {
    let before = "PreviousKmsKeyArn";
    for Function { name, properties, statements, .. } in &Template::read().functions {
        let has = |variable: &str| !properties["Environment"]["Variables"][variable].is_null();
        let may = |action: &str, resource: &str| {
            statements.iter().any(|one| {
                one.actions.iter().any(|granted| granted == action)
                    && one.resources == [resource]
                    && one.condition.contains("kms:EncryptionContext:purpose")
            })
        };
        if has("SUPERGATE_TOKEN_SECRET") {
            for variable in
                ["TOKEN_SECRET_VERSION", "TOKEN_SECRET_PREVIOUS", "KEY_PEPPER_VERSION", "KEY_PEPPER_PREVIOUS"]
            {
                assert!(has(&format!("SUPERGATE_{variable}")), "{name} checks credentials without {variable}");
            }
        }
        let unwraps = may("kms:Decrypt", "Key.Arn");
        assert_eq!(has("SUPERGATE_KMS_KEY_ID_PREVIOUS"), unwraps, "{name}: the KMS key before");
        assert_eq!(may("kms:Decrypt", before), unwraps, "{name}: the right to use it");
        assert_eq!(may("kms:ReEncryptFrom", before), name == "rotation", "{name}: the right to leave it");
        for action in ["kms:GenerateDataKey", "kms:ReEncryptTo"] {
            assert!(!may(action, before), "{name}: {action} under the key before");
        }
    }
}

#[test]
fn who_writes_to_the_table_writes_only_what_is_theirs_to_count() {
    for Function { name, statements, .. } in &Template::read().functions {
        for one in statements.iter().filter(|one| one.actions.iter().any(|action| action == "dynamodb:UpdateItem")) {
            assert!(one.condition.contains("dynamodb:LeadingKeys"), "{name}: {}", one.condition);
        }
    }
}

#[test]
fn the_kms_key_and_the_data_keys_are_rotated_by_schedules() {
    let functions = Template::read().functions;
    let rotation = functions.iter().find(|function| function.name == "rotation").expect("the rotation");
    let schedules: Vec<Command> = rotation.properties["Events"]
        .as_object()
        .expect("events")
        .values()
        .map(|event| {
            assert_eq!(event["Type"], "Schedule");
            let input = event["Properties"]["Input"].as_str().expect("an input");
            serde_json::from_str(input).unwrap_or_else(|error| panic!("{input}: {error}"))
        })
        .collect();
    for action in [Action::Rewrap, Action::DataKeys] {
        // With an age, so that a run goes on with what the one before left.
        let found = schedules.iter().any(|command| command.action == action && command.older_than_days.is_some());
        assert!(found, "{action:?} by no schedule");
    }
}
