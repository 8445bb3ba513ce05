//! Turns every `providers/<vendor>/prices.toml` into a sorted `static` table, so that a cold start parses nothing and a model
//! without a price does not compile; and lists the migrations, so that a new file cannot be forgotten.

use serde::Deserialize;
use std::{
    collections::BTreeMap,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PriceList {
    model: Vec<Model>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Model {
    id: String,
    #[serde(default)]
    kind: Kind,
    context: Option<u32>,
    max_output: Option<u32>,
    deprecated_on: Option<String>,
    input: String,
    output: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
    #[serde(default)]
    tier: Vec<Tier>,
}

/// By the names of the enum that it becomes.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Chat,
    Embedding,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    above: u32,
    input: String,
    output: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let providers = Path::new("src/providers");
    println!("cargo::rerun-if-changed=build.rs");
    for entry in fs::read_dir(providers)? {
        let folder = entry?.path();
        let file = folder.join("prices.toml");
        let (true, Some(vendor)) = (folder.is_dir(), folder.file_name()) else { continue };
        println!("cargo::rerun-if-changed={}", file.display());
        let vendor = vendor.to_string_lossy();
        let table = table(&fs::read_to_string(&file)?).map_err(|error| format!("{}: {error}", file.display()))?;
        fs::write(out_dir()?.join(format!("{vendor}_prices.rs")), table)?;
    }
    list_migrations()
}

#[expect(clippy::disallowed_methods, reason = "cargo hands a build script its folder in the environment")]
fn out_dir() -> Result<PathBuf, env::VarError> {
    Ok(PathBuf::from(env::var("OUT_DIR")?))
}

/// `&[("0001_roles", include_str!(...)), ...]` in order.
fn list_migrations() -> Result<(), Box<dyn Error>> {
    let folder = Path::new("../migrations").canonicalize()?;
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut files = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if let (Some("sql"), Some(name)) = (file.extension().and_then(|e| e.to_str()), file.file_stem()) {
            files.insert(name.to_string_lossy().into_owned(), file);
        }
    }
    let mut out = String::from("&[\n");
    for (name, file) in files {
        writeln!(out, "({name:?}, include_str!({:?})),", file.display().to_string())?;
    }
    out.push(']');
    Ok(fs::write(out_dir()?.join("migrations.rs"), out)?)
}

/// The Rust text of `&[ModelCard]`, sorted by id for binary search.
fn table(text: &str) -> Result<String, Box<dyn Error>> {
    let list: PriceList = toml::from_str(text)?;
    let mut models = BTreeMap::new();
    for model in list.model {
        let id = model.id.clone();
        if models.insert(id.clone(), model).is_some() {
            return Err(format!("{id} is listed twice").into());
        }
    }
    let mut out = String::from("&[\n");
    for (id, model) in models {
        let mut tiers = String::new();
        for tier in &model.tier {
            // What has a price of its own below the threshold must have one above it, or it would silently change its rule.
            let pairs = [
                (&model.cached_input, &tier.cached_input),
                (&model.cache_write, &tier.cache_write),
                (&model.cache_write_1h, &tier.cache_write_1h),
            ];
            if pairs.iter().any(|(base, above)| base.is_some() != above.is_some()) {
                return Err(format!("{id}: the tier above {} lacks a price that the model has", tier.above).into());
            }
            let rates =
                rates(&tier.input, &tier.output, [&tier.cached_input, &tier.cache_write, &tier.cache_write_1h])?;
            write!(tiers, "crate::usage::Tier {{ above_input_tokens: {}, rates: {rates} }},", tier.above)?;
        }
        let rates =
            rates(&model.input, &model.output, [&model.cached_input, &model.cache_write, &model.cache_write_1h])?;
        writeln!(
            out,
            "crate::usage::ModelCard {{ id: {id:?}, kind: crate::usage::ModelKind::{:?}, context_tokens: {:?}, max_output_tokens: {:?}, deprecated_on: {:?}, rates: {rates}, tiers: &[{tiers}] }},",
            model.kind, model.context, model.max_output, model.deprecated_on
        )?;
    }
    out.push(']');
    Ok(out)
}

fn rates(input: &str, output: &str, [cached, write, write_1h]: [&Option<String>; 3]) -> Result<String, Box<dyn Error>> {
    let optional = |price: &Option<String>| price.as_deref().map(picos).transpose();
    Ok(format!(
        "crate::usage::Rates {{ input: {}, output: {}, cached_input: {:?}, cache_write: {:?}, cache_write_1h: {:?} }}",
        picos(input)?,
        picos(output)?,
        optional(cached)?,
        optional(write)?,
        optional(write_1h)?
    ))
}

/// "0.075" dollars per million tokens → 75,000 pico-dollars per token. Exact: more than six decimals are refused.
fn picos(dollars_per_million: &str) -> Result<u64, Box<dyn Error>> {
    let (whole, fraction) = dollars_per_million.split_once('.').unwrap_or((dollars_per_million, ""));
    if fraction.len() > 6 || whole.is_empty() || !dollars_per_million.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(format!("{dollars_per_million:?} is not a price in dollars with at most six decimals").into());
    }
    Ok(format!("{whole}{fraction:0<6}").parse()?)
}
