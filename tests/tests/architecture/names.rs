//! A function has one name: folder, crate, binary, log field, template id, watch route and events folder.

use super::{folders_in, names_in, root, source::rust_files};
use serde_json::Value;
use std::{collections::BTreeSet, fs};
use supergate_tests::lambda::database_role;
use toml::Table;

/// Invoked by hand or on a schedule: no route, no HTTP.
const WITHOUT_HTTP: &[&str] = &["migrate", "rotation", "sweeper"];
const MAX_MAIN_LINES: usize = 40;

/// Where a status is tested, or why it cannot happen.
enum Case {
    Test(&'static str),
    Never(&'static str),
}
use Case::{Never, Test};

/// Every function's 401, 403 and 404.
#[rustfmt::skip]
const REFUSALS: &[(&str, Case, Case, Case)] = &[
    ("audit",
     Test("every_route_refuses_who_has_no_good_key_with_the_same_401"),
     Test("every_route_tells_a_viewer_which_permission_is_lacking_with_a_403"),
     Test("what_is_another_tenants_is_the_same_404_as_what_there_is_not")),
    ("auth",
     Test("a_key_may_ask_who_it_is_and_has_no_account_of_its_own"),
     Test("a_key_may_ask_who_it_is_and_has_no_account_of_its_own"),
     Test("a_key_may_ask_who_it_is_and_has_no_account_of_its_own")),
    ("budgets",
     Test("every_route_refuses_who_has_no_good_key_with_the_same_401"),
     Test("every_route_tells_a_viewer_which_permission_is_lacking_with_a_403"),
     Test("what_is_another_tenants_is_the_same_404_as_what_there_is_not")),
    ("cache",
     Test("every_route_refuses_who_has_no_good_key_with_the_same_401"),
     Test("every_route_tells_a_viewer_which_permission_is_lacking_with_a_403"),
     Test("what_is_another_tenants_is_the_same_404_as_what_there_is_not")),
    ("chat-completions",
     Test("a_caller_without_a_good_key_is_a_401_whatever_is_wrong_with_it"),
     Test("a_viewer_may_not_ask_a_model"),
     Test("an_unknown_model_is_a_404_that_suggests_near_names")),
    ("docs",
     Never("anyone may read what the API is; it stands in this repository"),
     Never("nobody needs a right"),
     Test("what_is_none_of_the_pages_files_is_a_404")),
    ("embeddings",
     Test("embeddings_want_a_key_that_may_ask_models"),
     Test("embeddings_want_a_key_that_may_ask_models"),
     Test("a_model_that_is_none_or_makes_no_vectors_is_refused")),
    ("health",
     Never("anyone may ask; it says what is up and nothing else"),
     Never("nobody needs a right"),
     Never("it has one path and reads nothing that could be missing")),
    ("keys",
     Test("every_route_refuses_who_has_no_good_key_with_the_same_401"),
     Test("every_route_tells_a_viewer_which_permission_is_lacking_with_a_403"),
     Test("what_is_another_tenants_is_the_same_404_as_what_there_is_not")),
    ("migrate",
     Never("no HTTP: IAM says who may invoke it"),
     Never("no HTTP: IAM says who may invoke it"),
     Never("no HTTP: an unknown action is the invocation's error")),
    ("models",
     Test("models_want_a_key_and_no_more"),
     Never("every role may list the models"),
     Test("models_are_listed_and_described")),
    ("prices",
     Test("every_route_refuses_who_has_no_good_key_with_the_same_401"),
     Test("every_route_tells_a_viewer_which_permission_is_lacking_with_a_403"),
     Test("what_is_another_tenants_is_the_same_404_as_what_there_is_not")),
    ("provider-keys",
     Test("who_may_not_store_a_key_is_told_which_permission_is_lacking"),
     Test("who_may_not_store_a_key_is_told_which_permission_is_lacking"),
     Test("a_key_is_stored_listed_read_replaced_and_deleted_and_never_shown")),
    ("rotation",
     Never("no HTTP: IAM says who may invoke it"),
     Never("no HTTP: IAM says who may invoke it"),
     Never("no HTTP: what is gone meanwhile is passed over")),
    ("sweeper",
     Never("no HTTP: IAM says who may invoke it"),
     Never("no HTTP: IAM says who may invoke it"),
     Never("no HTTP: what is gone meanwhile is passed over")),
    ("tenant",
     Test("every_route_refuses_who_has_no_good_key_with_the_same_401"),
     Test("every_route_tells_a_viewer_which_permission_is_lacking_with_a_403"),
     Test("what_is_another_tenants_is_the_same_404_as_what_there_is_not")),
    ("usage",
     Test("every_route_refuses_who_has_no_good_key_with_the_same_401"),
     Never("every role may see use: a member its own, the others everybody's"),
     Test("what_is_another_tenants_is_the_same_404_as_what_there_is_not")),
];

/// A function's block in the template.
#[derive(Debug, Default)]
struct Block {
    id: String,
    lines: Vec<String>,
}

impl Block {
    /// The value of the first line that begins with that key; empty if there is none.
    fn value(&self, key: &str) -> &str {
        self.values(key).first().copied().unwrap_or_default()
    }

    fn values(&self, key: &str) -> Vec<&str> {
        self.lines.iter().filter_map(|line| line.trim().strip_prefix(key)?.strip_prefix(':')).map(str::trim).collect()
    }

    /// As (METHOD, path).
    fn routes(&self) -> Vec<(String, String)> {
        let methods = self.values("Method").into_iter().map(str::to_uppercase);
        methods.zip(self.values("Path").into_iter().map(str::to_owned)).collect()
    }
}

/// The template's functions. Its tags (`!Ref`) are none that a YAML parser knows, and its form is regular: a resource is a name behind
/// two spaces.
fn template() -> Vec<Block> {
    template_blocks_of(&fs::read_to_string(root().join("infra/template.yaml")).expect("the template"))
}

fn template_blocks_of(text: &str) -> Vec<Block> {
    let resources = text.split("\nResources:\n").nth(1).expect("resources");
    let mut blocks: Vec<Block> = Vec::new();
    for line in resources.lines().take_while(|line| line.is_empty() || line.starts_with([' ', '#'])) {
        let name = line
            .strip_prefix("  ")
            .and_then(|name| name.strip_suffix(':'))
            .filter(|name| !name.starts_with([' ', '#']));
        match (name, blocks.last_mut()) {
            (Some(name), _) => blocks.push(Block { id: name.into(), lines: Vec::new() }),
            (None, Some(block)) => block.lines.push(line.into()),
            (None, None) => {}
        }
    }
    blocks.retain(|block| block.value("Type") == "AWS::Serverless::Function");
    blocks
}

fn functions() -> Vec<String> {
    folders_in("functions")
}

fn pascal_case(name: &str) -> String {
    name.split('-').map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

fn toml(path: &str) -> Table {
    let text = fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
    text.parse().unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The watch's routes as (path, function); it takes every method.
fn watch_routes() -> Vec<(String, String)> {
    let manifest = toml("Cargo.toml");
    let router = manifest["workspace"]["metadata"]["lambda"]["watch"]["router"].as_table().expect("routes");
    let function = |value: &toml::Value| value.as_str().expect("a route is the name of a function").to_owned();
    router.iter().map(|(path, value)| (path.clone(), function(value))).collect()
}

/// The template's `{name+}` is the watch's `{*name}`.
fn as_watched(path: &str) -> String {
    path.split('/')
        .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix("+}")) {
            Some(name) => format!("{{*{name}}}"),
            None => part.to_owned(),
        })
        .collect::<Vec<_>>()
        .join("/")
}

#[test]
fn a_functions_folder_is_its_crate_its_binary_and_its_name_in_the_log() {
    for name in functions() {
        let manifest = toml(&format!("functions/{name}/Cargo.toml"));
        assert_eq!(manifest["package"]["name"].as_str(), Some(name.as_str()), "the crate");
        for binary in manifest.get("bin").and_then(toml::Value::as_array).into_iter().flatten() {
            assert_eq!(binary["name"].as_str(), Some(name.as_str()), "the binary");
        }
        let main = fs::read_to_string(root().join(format!("functions/{name}/src/main.rs"))).expect("a main.rs");
        assert!(
            main.lines().count() <= MAX_MAIN_LINES,
            "{name}: main.rs is parse, call, respond; the rest is the gateway's"
        );
        assert!(main.starts_with("//! "), "{name}: main.rs says what the function is for");
        if !WITHOUT_HTTP.contains(&name.as_str()) {
            assert!(main.contains(&format!("Function {{ name: \"{name}\"")), "{name}: the name in the log");
        }
        assert_eq!(names_in(&format!("functions/{name}/src")), ["main.rs"], "{name}: what it does is in shared/");
    }
}

#[test]
fn the_template_has_each_function_under_its_name() {
    let ids: BTreeSet<String> = template().into_iter().map(|block| block.id).collect();
    assert_eq!(
        ids,
        functions().iter().map(|name| pascal_case(name)).collect(),
        "the template's functions and the folders"
    );
    for block in template() {
        let name = functions().into_iter().find(|name| pascal_case(name) == block.id).expect("a folder");
        assert_eq!(block.value("Binary"), name, "{}", block.id);
        assert_eq!(block.value("CodeUri"), format!("../functions/{name}"), "{}", block.id);
        assert_eq!(block.value("FunctionName"), format!("!Sub ${{AWS::StackName}}-{name}"), "{}", block.id);
        assert_eq!(block.value("BuildMethod"), "rust-cargolambda", "{}", block.id);
        assert_eq!(block.value("Role"), format!("!GetAtt {}Role.Arn", block.id), "one role for each function");
        let main = fs::read_to_string(root().join(format!("functions/{name}/src/main.rs"))).expect("a main.rs");
        let methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];
        let (deployed, taken): (Vec<_>, Vec<_>) = (
            methods.iter().filter(|method| block.routes().iter().any(|(routed, _)| routed == **method)).collect(),
            methods.iter().filter(|method| main.contains(&format!("web::{method}"))).collect(),
        );
        assert_eq!(deployed, taken, "{}: the methods of its routes and those that its main.rs takes", block.id);
        assert_eq!(block.routes().is_empty(), WITHOUT_HTTP.contains(&name.as_str()), "{}: its routes", block.id);
    }
}

#[test]
fn a_function_signs_in_as_its_own_role_deployed_as_locally() {
    let template = fs::read_to_string(root().join("infra/template.yaml")).expect("the template");
    for block in template_blocks_of(&template).iter().filter(|block| block.value("Binary") != "migrate") {
        let role = database_role(block.value("Binary"));
        let url = block.value("- postgresql");
        if role == "none" {
            assert!(url.is_empty(), "{}: it knows no database, and the template gives it {url}", block.id);
            continue;
        }
        assert!(url.starts_with(&format!("//{role}@")), "{}: Cargo.toml says {role}, the template {url}", block.id);
        let own_role = iam_role(&template, &block.id);
        let users: Vec<&str> = own_role.split("dbuser:").skip(1).filter_map(|rest| rest.lines().next()).collect();
        assert_eq!(users, [format!("${{Id}}/{role}")], "{}: as whom IAM lets it sign in", block.id);
    }
}

/// What a function may ask of KMS about providers' keys, and of the key before; a function that is not here, nothing.
#[rustfmt::skip]
const KMS_RIGHTS: &[(&str, &[&str], &str)] = &[
    ("ChatCompletions", &["kms:Decrypt", "before: kms:Decrypt", "cache: [kms:Decrypt, kms:GenerateDataKey]", "cache: before: kms:Decrypt"],
                                                                 "it serves with them, and keeps what it served"),
    ("Embeddings",      &["kms:Decrypt", "before: kms:Decrypt"], "it serves with them"),
    ("ProviderKeys",    &["kms:GenerateDataKey"],                "it seals, and cannot open what it sealed"),
    ("Rotation",        &["[kms:ReEncryptFrom, kms:ReEncryptTo, kms:Decrypt, kms:GenerateDataKey]",
                          "before: [kms:ReEncryptFrom, kms:Decrypt]"], "it seals anew"),
];

#[test]
fn kms_opens_providers_keys_for_those_who_serve_and_for_nobody_else() {
    let template = fs::read_to_string(root().join("infra/template.yaml")).expect("the template");
    for block in template_blocks_of(&template) {
        let role = iam_role(&template, &block.id);
        let statements = role.split("- Sid: ").skip(1).filter(|statement| statement.contains("kms:"));
        let mut rights = Vec::new();
        for statement in statements {
            let action = statement.lines().find_map(|line| line.trim().strip_prefix("Action: ")).unwrap_or_default();
            let before = if statement.contains("Resource: !Ref PreviousKmsKeyArn") { "before: " } else { "" };
            if statement.contains("kms:EncryptionContext:purpose: provider-key") {
                rights.push(format!("{before}{action}"));
            } else if statement.contains("kms:EncryptionContext:purpose: cache") {
                rights.push(format!("cache: {before}{action}"));
            } else if !statement.contains("kms:EncryptionContext:aws:lambda:FunctionArn") {
                assert_eq!(
                    action, "kms:DescribeKey",
                    "{}: any other right names what it is for: {statement}",
                    block.id
                );
            }
        }
        let row = KMS_RIGHTS.iter().find(|row| row.0 == block.id);
        assert_eq!(rights, row.map(|row| row.1).unwrap_or_default(), "{}: {:?}", block.id, row);
    }
}

/// A function's IAM role in the template.
fn iam_role<'a>(template: &'a str, id: &str) -> &'a str {
    let role = template.split(&format!("\n  {id}Role:\n")).nth(1).expect("an IAM role");
    role.split(&format!("\n  {id}Logs:\n")).next().unwrap_or_default()
}

#[test]
fn what_is_deployed_is_what_the_watch_serves() {
    let deployed: BTreeSet<(String, String)> = template()
        .iter()
        .flat_map(|block| {
            let name = block.value("Binary").to_owned();
            block.routes().into_iter().map(move |(_, path)| (as_watched(&path), name.clone()))
        })
        .collect();
    let watched: BTreeSet<(String, String)> = watch_routes().into_iter().collect();
    assert_eq!(deployed, watched, "the template's paths and the watch's routes");
    for name in functions().iter().filter(|name| !WITHOUT_HTTP.contains(&name.as_str())) {
        assert!(watched.iter().any(|(_, function)| function == name), "{name} has no watch route");
    }
}

#[test]
fn every_function_has_events_of_its_routes() {
    assert_eq!(folders_in("events"), functions(), "the events' folders and the functions'");
    let blocks = template();
    for block in &blocks {
        let name = block.value("Binary");
        let files = names_in(&format!("events/{name}"));
        assert!(!files.is_empty(), "events/{name} is empty");
        if WITHOUT_HTTP.contains(&name) {
            continue;
        }
        let mut seen = BTreeSet::new();
        for file in &files {
            let text = fs::read_to_string(root().join("events").join(name).join(file)).expect("an event");
            let event: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{name}/{file}: {error}"));
            let (version, route) = match event["resource"].as_str() {
                Some(resource) => {
                    (".v1.json", format!("{} {resource}", event["httpMethod"].as_str().unwrap_or_default()))
                }
                None => (".v2.json", event["routeKey"].as_str().unwrap_or_default().to_owned()),
            };
            assert!(file.ends_with(version), "{name}/{file} holds a {version}");
            seen.insert((version, route));
        }
        let routes = block.routes().into_iter().map(|(method, path)| format!("{method} {path}"));
        let expected: BTreeSet<_> =
            routes.flat_map(|route| [(".v1.json", route.clone()), (".v2.json", route)]).collect();
        assert_eq!(
            seen, expected,
            "{name}: the routes of its events and of the template, as both kinds of API send them"
        );
    }
}

#[test]
fn every_migration_begins_with_its_reason() {
    let files = names_in("migrations").into_iter().filter(|file| file.ends_with(".sql"));
    for (number, file) in (1..).zip(files) {
        assert!(file.starts_with(&format!("{number:04}_")), "{file} should be number {number}");
        let text = fs::read_to_string(root().join("migrations").join(&file)).expect("a migration");
        let first = text.lines().next().unwrap_or_default();
        assert!(first.starts_with("-- ") && first.len() > 30, "{file} does not begin with why: {first}");
    }
}

#[test]
fn every_function_refuses_as_401_403_and_404_or_says_why_it_never_does() {
    let rows: Vec<&str> = REFUSALS.iter().map(|row| row.0).collect();
    assert_eq!(rows, functions(), "the rows of refusals and the functions");
    let sources = rust_files(&root().join("tests/tests"));
    let tests: String = sources.iter().map(|file| fs::read_to_string(file).expect("tests")).collect();
    for (function, unauthorized, forbidden, missing) in REFUSALS {
        for (status, case) in [(401, unauthorized), (403, forbidden), (404, missing)] {
            match case {
                Test(name) => {
                    let body = tests
                        .split(&format!("async fn {name}()"))
                        .nth(1)
                        .unwrap_or_else(|| panic!("{function}: no test {name}"));
                    let body = body.split("\n}\n").next().unwrap_or_default();
                    let shows = body.contains(&status.to_string()) || (status == 401 && body.contains("UNAUTHORIZED"));
                    assert!(shows, "{function}: {name} does not show a {status}");
                }
                Never(why) => assert!(why.len() > 10, "{function}: why is there no {status}?"),
            }
        }
    }
}
