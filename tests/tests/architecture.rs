//! Who may know whom, what a provider's folder holds, and that one name is one thing everywhere. The tables are the specification.

#[path = "architecture/names.rs"]
mod names;
#[path = "architecture/source.rs"]
mod source;

use Layer::{Doors, Everywhere, Hands, Rules, Story, Words};
use source::{Crate, Source, Target};
use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};
use supergate::providers;

/// Each may know itself and those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Layer {
    Everywhere,
    Words,
    Rules,
    Hands,
    Story,
    Doors,
}

/// The layer of a module and of what is under it; the longest name counts.
#[rustfmt::skip]
const LAYERS: &[(&str, Layer, &str)] = &[
    ("alerts",         Rules,      "what somebody should know of"),
    ("alerts::sink",   Hands,      "calls EventBridge"),
    ("causes",         Everywhere, "a chain of errors as text"),
    ("openai",         Words,      "the dialect"),
    ("cache",          Rules,      "what may be answered from memory"),
    ("cache::embedding", Hands,    "reads the embedder's file"),
    ("cache::keys",    Hands,      "asks the database and KMS, and remembers"),
    ("cache::store",   Hands,      "keeps answers in the database"),
    ("clock",          Rules,      "time as an argument"),
    ("config",         Rules,      "settings as an argument"),
    ("crypto",         Rules,      "secrets"),
    ("crypto::kms",    Hands,      "calls KMS"),
    ("crypto::vault",  Hands,      "asks the database and KMS, and remembers"),
    ("limits",         Rules,      "what is allowed"),
    ("limits::dynamo", Hands,      "calls DynamoDB"),
    ("providers",      Rules,      "translation"),
    ("routing",        Rules,      "which provider and model"),
    ("tenancy",        Rules,      "who, and what they may do"),
    ("tenancy::auth",  Hands,      "asks the database who calls"),
    ("tenancy::issuers", Hands,    "asks identity providers for their keys"),
    ("usage",          Rules,      "tokens and money"),
    ("usage::ledger",  Hands,      "writes the ledger"),
    ("db",             Hands,      "calls Postgres"),
    ("http",           Hands,      "calls the providers and AWS"),
    ("error",          Story,      "every way in which a request can fail, and what the caller is told"),
    ("gateway",        Story,      "requests from top to bottom"),
    ("telemetry",      Doors,      "the log"),
    ("web",            Doors,      "API Gateway"),
];

/// What words and rules may not touch.
const IMPURE_WORDS: &[&str] = &["async", "await"];
const IMPURE_PATHS: &[&str] = &[
    "tokio",
    "reqwest",
    "std::env",
    "std::fs",
    "std::net",
    "std::process",
    "std::thread",
    "std::time::Instant",
    "std::time::SystemTime",
];
#[rustfmt::skip]
const IMPURE_BUT_STATED: &[(&str, &str, &str)] = &[
    ("clock",  "std::time::Instant",    "the one file that reads the machine's clock"),
    ("clock",  "std::time::SystemTime", "the one file that reads the machine's clock"),
    ("config", "std::env",              "the one function that reads the environment, for `main`"),
    ("limits::attempts", "std::net",    "what an address looks like; nothing is connected"),
];

/// Crates that reach outside, and the only modules that know them.
#[rustfmt::skip]
const OUTSIDE: &[(&str, &[&str], &str)] = &[
    ("argon2",            &["crypto::password"], "one place hashes passwords"),
    ("aws_sdk_dynamodb",  &["limits::dynamo"], "one place counts"),
    ("aws_sdk_eventbridge", &["alerts::sink"], "one place tells alerts"),
    ("aws_sdk_kms",       &["crypto::kms"],    "one place unwraps keys"),
    ("deadpool_postgres", &["db"],             "one place holds connections"),
    ("jsonwebtoken",      &["tenancy::access_token", "tenancy::jwt", "tenancy::oidc"], "one place checks signatures, two hold keys"),
    ("lambda_http",       &["web"],            "one place knows API Gateway"),
    ("refinery",          &["db::migrations"], "one place migrates"),
    ("reqwest",           &["http"],           "one place calls providers"),
    ("rten",              &["cache::embed"],   "one place runs a network"),
    ("tokio_postgres",    &["db", "config"],   "one place asks the database; config only reads its URL"),
];

const PROVIDER_FILES: &[&str] =
    &["mod.rs", "wire.rs", "request.rs", "response.rs", "stream.rs", "failure.rs", "tests.rs", "prices.toml"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn shared() -> Crate {
    Crate::read(&root().join("shared/src"))
}

/// The names in a folder of the repository, sorted.
fn names_in(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(root().join(folder)).unwrap_or_else(|error| panic!("{folder}: {error}"));
    let mut names: Vec<String> =
        entries.map(|entry| entry.expect("an entry").file_name().into_string().expect("UTF-8")).collect();
    names.sort();
    names
}

fn folders_in(folder: &str) -> Vec<String> {
    names_in(folder).into_iter().filter(|name| root().join(folder).join(name).is_dir()).collect()
}

fn is_under(module: &str, row: &str) -> bool {
    module.strip_prefix(row).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

fn layer(module: &str) -> Option<Layer> {
    let rows = LAYERS.iter().filter(|(row, ..)| is_under(module, row));
    rows.max_by_key(|(row, ..)| row.len()).map(|(_, layer, _)| *layer)
}

/// Who names a module as a whole can reach all that is under it.
fn highest_layer(module: &str) -> Option<Layer> {
    let under = LAYERS.iter().filter(|(row, ..)| is_under(row, module)).map(|(_, layer, _)| *layer);
    under.chain(layer(module)).max()
}

/// What a file reaches in its own crate that is of a higher layer than it.
fn reaches_up(shared: &Crate, file: &Source) -> Vec<String> {
    let from = file.module.join("::");
    let own = layer(&from);
    let up = |path: &Vec<String>| {
        let (target, layer) = match shared.resolve(&file.module, path) {
            Target::Elsewhere => return None,
            Target::Item(module) => (module.join("::"), layer(&module.join("::"))),
            Target::Module(module) => (module.join("::"), highest_layer(&module.join("::"))),
        };
        (layer > own).then(|| format!("{from} ({own:?}) knows {} ({target} is {layer:?})", path.join("::")))
    };
    file.paths.iter().filter_map(up).collect()
}

fn starts_with(path: &[String], prefix: &str) -> bool {
    is_under(&path.join("::"), prefix)
}

#[test]
fn doors_know_the_story_the_story_hands_hands_rules_and_rules_words_never_back() {
    let shared = shared();
    let modules: Vec<String> =
        shared.files.iter().map(|file| file.module.join("::")).filter(|name| !name.is_empty()).collect();
    let homeless: Vec<_> = modules.iter().filter(|module| layer(module).is_none()).collect();
    assert!(homeless.is_empty(), "no row says which layer these are of: {homeless:?}");
    for (row, _, what) in LAYERS {
        assert!(modules.iter().any(|module| is_under(module, row)), "{row} ({what}) has a row and is nowhere");
    }
    let inside = shared.files.iter().filter(|file| !file.module.is_empty());
    let up: Vec<String> = inside.flat_map(|file| reaches_up(&shared, file)).collect();
    assert!(up.is_empty(), "{up:#?}");
}

#[test]
fn a_step_up_is_noticed_however_it_is_written() {
    let shared = shared();
    #[rustfmt::skip]
    let table = [
        ("usage::pricing",           "crate::db::Database",        true,  "rules know no hands"),
        ("usage::pricing",           "super::ledger::record",      true,  "nor by a relative path"),
        ("usage::pricing",           "super::Nanos",               false, "its own folder's rules are fine"),
        ("usage",                    "ledger::UsageEvent",         true,  "nor does a folder hand its hands on"),
        ("usage",                    "pricing::Nanos",             false, "its rules it may"),
        ("usage::pricing",           "super::*",                   true,  "all of a folder is its hands too"),
        ("routing::plan",            "crate::tenancy",             true,  "the same, by its name"),
        ("routing::plan",            "crate::providers",           false, "this folder is rules only"),
        ("openai::chat",             "crate::usage::Nanos",        true,  "words know no rules"),
        ("tenancy::auth",            "crate::db::api_keys::find",  false, "hands know hands"),
        ("db::tx",                   "crate::gateway::call::Call", true,  "hands know no story"),
        ("providers::openai::wire",  "super::super::super::web::start", true, "three steps up and in at the door"),
        ("http::events",             "crate::error::GatewayError", true,  "errors of the story are the story's"),
        ("causes",                   "crate::openai::Invalid",     true,  "what all know knows nobody"),
        ("web",                      "crate::gateway::call::Call", false, "doors know all"),
    ];
    for (from, path, expected, why) in table {
        let split = |text: &str| text.split("::").map(str::to_owned).collect::<Vec<_>>();
        let file =
            Source { module: split(from), paths: vec![split(path)], words: BTreeSet::new(), literals: BTreeSet::new() };
        let up = reaches_up(&shared, &file);
        assert_eq!(!up.is_empty(), expected, "{from} uses {path}: {why}: {up:?}");
    }
}

#[test]
fn words_and_rules_have_no_async_no_clock_and_no_environment() {
    let mut impure = BTreeSet::new();
    for file in shared().files {
        let module = file.module.join("::");
        if module.is_empty() || layer(&module) > Some(Rules) {
            continue;
        }
        let words = IMPURE_WORDS.iter().filter(|word| file.words.contains(**word));
        let paths = IMPURE_PATHS.iter().filter(|prefix| file.paths.iter().any(|path| starts_with(path, prefix)));
        impure.extend(words.chain(paths).map(|what| (module.clone(), *what)));
    }
    let stated = IMPURE_BUT_STATED.iter().map(|(module, what, _)| ((*module).to_owned(), *what)).collect();
    assert_eq!(impure, stated, "what is found and what the table of exceptions has");
}

#[test]
fn what_reaches_outside_is_known_in_one_place() {
    for file in shared().files {
        let module = file.module.join("::");
        for (name, homes, why) in OUTSIDE {
            let used = file.paths.iter().any(|path| path[0] == *name);
            assert!(
                !used || homes.iter().any(|home| is_under(&module, home)),
                "{module} uses {name}: {why}: {homes:?}"
            );
        }
    }
}

#[test]
fn every_provider_is_a_folder_with_every_file_and_is_registered() {
    let folders = folders_in("shared/src/providers");
    let mut registered: Vec<_> = providers::ALL.iter().map(|provider| provider.id().to_owned()).collect();
    registered.sort();
    assert_eq!(registered, folders, "providers::ALL and the folders beside it");
    for provider in &folders {
        let folder = format!("shared/src/providers/{provider}");
        let files = names_in(&folder);
        for file in PROVIDER_FILES {
            assert!(files.iter().any(|name| name == file), "{folder} lacks {file}");
        }
        let fixtures = names_in(&format!("{folder}/fixtures"));
        for kind in ["request_", "answer_", "stream_", "failure_"] {
            assert!(fixtures.iter().any(|name| name.starts_with(kind)), "{folder}/fixtures lacks {kind}*");
        }
        let embeds = providers::ALL.iter().any(|one| one.id() == provider && one.embeddings().is_some());
        assert_eq!(files.iter().any(|name| name == "embeddings.rs"), embeds, "{folder}: who embeds has a file for it");
        // How a dialect is best cut into files is its own; each says what it is for.
        for file in files.iter().filter(|name| !PROVIDER_FILES.contains(&name.as_str()) && *name != "fixtures") {
            assert!(file.ends_with(".rs"), "{folder} holds {file}");
            let text = fs::read_to_string(root().join(&folder).join(file)).expect("a source");
            assert!(text.starts_with("//! "), "{folder}/{file} does not say what it is for");
        }
    }
}

#[test]
fn no_provider_knows_another() {
    let shared = shared();
    let folders = folders_in("shared/src/providers");
    for file in shared
        .files
        .iter()
        .filter(|file| matches!(&file.module[..], [first, name, ..] if first == "providers" && folders.contains(name)))
    {
        let own = &file.module[1];
        for path in &file.paths {
            let (Target::Item(target) | Target::Module(target)) = shared.resolve(&file.module, path) else { continue };
            let other = target.get(1).filter(|name| target[0] == "providers" && *name != own && folders.contains(name));
            assert!(other.is_none(), "{} knows another provider: {}", file.module.join("::"), path.join("::"));
        }
        for other in folders.iter().filter(|name| *name != own && *name != "openai") {
            assert!(
                !file.literals.iter().any(|text| text.to_lowercase().contains(other.as_str())),
                "{own} names {other}"
            );
        }
    }
}

#[test]
fn no_provider_is_named_outside_its_folder() {
    let functions =
        folders_in("functions").into_iter().map(|name| Crate::read(&root().join("functions").join(name).join("src")));
    let files: Vec<Source> = functions.chain([shared()]).flat_map(|sources| sources.files).collect();
    for file in files.iter().filter(|file| file.module.first().is_none_or(|first| first != "providers")) {
        for provider in providers::ALL.iter().map(|provider| provider.id()) {
            let named = [format!("\"{provider}\""), format!("\"{provider}/")];
            let by_name = file.literals.iter().find(|text| named.iter().any(|name| text.starts_with(name)));
            assert!(by_name.is_none(), "{} names {provider}: {by_name:?}", file.module.join("::"));
        }
    }
}
