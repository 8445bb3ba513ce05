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
    #[serde(default = "text")]
    takes: Vec<Modality>,
    #[serde(default = "text")]
    gives: Vec<Modality>,
    calls_functions: Option<bool>,
    #[serde(flatten)]
    rates: Rates,
    #[serde(default)]
    tier: Vec<Tier>,
    flex: Option<Lane>,
    priority: Option<Lane>,
    fast: Option<Lane>,
    web_search: Option<WebSearch>,
    audio_minute: Option<String>,
    us_percent: Option<u16>,
}

/// By the names of the enum that it becomes.
#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    #[default]
    Chat,
    Embedding,
}

/// By the names of the enum that it becomes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Modality {
    Text,
    Image,
    File,
    Audio,
    Video,
}

fn text() -> Vec<Modality> {
    vec![Modality::Text]
}

/// Dollars per million tokens, by the names of the struct that they become.
#[derive(Deserialize)]
struct Rates {
    input: String,
    output: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
    audio_input: Option<String>,
    cached_audio_input: Option<String>,
    audio_output: Option<String>,
    video_output: Option<String>,
    reasoning: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tier {
    above: u32,
    #[serde(flatten)]
    rates: Rates,
}

/// The prices of a service tier.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lane {
    #[serde(flatten)]
    rates: Rates,
    #[serde(default)]
    tier: Vec<Tier>,
}

/// Dollars per call; `price` unless the caller asks for little or much context.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WebSearch {
    per: SearchUnit,
    price: String,
    low: Option<String>,
    high: Option<String>,
}

/// By the names of the enum that it becomes.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum SearchUnit {
    Request,
    Prompt,
    Query,
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
        let card = card(&id, &model).map_err(|error| format!("{id}: {error}"))?;
        writeln!(out, "{card},")?;
    }
    out.push(']');
    Ok(out)
}

fn card(id: &str, model: &Model) -> Result<String, Box<dyn Error>> {
    let lanes = [("Flex", &model.flex), ("Priority", &model.priority), ("Fast", &model.fast)];
    let mut written = String::new();
    for (name, lane) in lanes.into_iter().filter_map(|(name, lane)| Some((name, lane.as_ref()?))) {
        model.rates.must_be_in(&lane.rates, name)?;
        let (rates, tiers) = (lane.rates.written()?, tiers(&lane.rates, &lane.tier)?);
        write!(
            written,
            "crate::usage::Lane {{ tier: crate::usage::ServiceTier::{name}, rates: {rates}, tiers: &[{tiers}] }},"
        )?;
    }
    let modalities = |all: &[Modality]| {
        all.iter().fold(String::new(), |out, one| out + &format!("crate::usage::Modality::{one:?},"))
    };
    let fields = [
        ("id", format!("std::borrow::Cow::Borrowed({id:?})")),
        ("kind", format!("crate::usage::ModelKind::{:?}", model.kind)),
        ("context_tokens", format!("{:?}", model.context)),
        ("max_output_tokens", format!("{:?}", model.max_output)),
        ("deprecated_on", format!("{:?}", model.deprecated_on)),
        ("takes", format!("&[{}]", modalities(&model.takes))),
        ("gives", format!("&[{}]", modalities(&model.gives))),
        ("calls_functions", model.calls_functions.unwrap_or(model.kind == Kind::Chat).to_string()),
        ("rates", model.rates.written()?),
        ("tiers", format!("&[{}]", tiers(&model.rates, &model.tier)?)),
        ("lanes", format!("&[{written}]")),
        ("web_search", model.web_search.as_ref().map_or(Ok("None".into()), web_search)?),
        ("audio_minute", format!("{:?}", model.audio_minute.as_deref().map(picos_per_piece).transpose()?)),
        ("us_percent", format!("{:?}", model.us_percent)),
    ];
    let prices = fields[8..].iter().map(|(name, value)| format!("{name}: {value}")).collect::<Vec<_>>().join(", ");
    let version = format!("price_version: std::borrow::Cow::Borrowed(\"list-{:08x}\")", fnv1a(prices.as_bytes()));
    let fields = fields.map(|(name, value)| format!("{name}: {value}"));
    Ok(format!("crate::usage::ModelCard {{ {}, {version} }}", fields.join(", ")))
}

/// A short name for some bytes: <https://datatracker.ietf.org/doc/html/draft-eastlake-fnv>. It tells prices apart, and keeps no secret.
fn fnv1a(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0x811c_9dc5, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193))
}

fn tiers(base: &Rates, tiers: &[Tier]) -> Result<String, Box<dyn Error>> {
    let mut out = String::new();
    for tier in tiers {
        base.must_be_in(&tier.rates, "a tier")?;
        let rates = tier.rates.written()?;
        write!(out, "crate::usage::Tier {{ above_input_tokens: {}, rates: {rates} }},", tier.above)?;
    }
    Ok(out)
}

impl Rates {
    fn optional(&self) -> [(&'static str, Option<&str>); 8] {
        [
            ("cached_input", self.cached_input.as_deref()),
            ("cache_write", self.cache_write.as_deref()),
            ("cache_write_1h", self.cache_write_1h.as_deref()),
            ("audio_input", self.audio_input.as_deref()),
            ("cached_audio_input", self.cached_audio_input.as_deref()),
            ("audio_output", self.audio_output.as_deref()),
            ("video_output", self.video_output.as_deref()),
            ("reasoning", self.reasoning.as_deref()),
        ]
    }

    /// What has a price of its own must have one here too, or it would silently change its rule.
    fn must_be_in(&self, other: &Self, name: &str) -> Result<(), String> {
        let pairs = self.optional().into_iter().zip(other.optional());
        match pairs.into_iter().find(|((_, here), (_, there))| here.is_some() != there.is_some()) {
            Some(((price, _), _)) => Err(format!("the model or {name} lacks the price {price} that the other has")),
            None => Ok(()),
        }
    }

    fn written(&self) -> Result<String, Box<dyn Error>> {
        let mut out =
            format!("crate::usage::Rates {{ input: {}, output: {}", picos(&self.input)?, picos(&self.output)?);
        for (name, price) in self.optional() {
            write!(out, ", {name}: {:?}", price.map(picos).transpose()?)?;
        }
        Ok(out + " }")
    }
}

fn web_search(search: &WebSearch) -> Result<String, Box<dyn Error>> {
    let price = |own: &Option<String>| picos_per_piece(own.as_ref().unwrap_or(&search.price));
    Ok(format!(
        "Some(crate::usage::WebSearch {{ per: crate::usage::SearchUnit::{:?}, low: {}, medium: {}, high: {} }})",
        search.per,
        price(&search.low)?,
        price(&None)?,
        price(&search.high)?
    ))
}

/// "0.0275" dollars → 27,500,000,000 pico-dollars.
fn picos_per_piece(dollars: &str) -> Result<u64, Box<dyn Error>> {
    picos(dollars)?.checked_mul(1_000_000).ok_or_else(|| format!("{dollars:?} is too dear").into())
}

/// "0.075" dollars per million tokens → 75,000 pico-dollars per token. Exact: more than six decimals are refused.
fn picos(dollars_per_million: &str) -> Result<u64, Box<dyn Error>> {
    let (whole, fraction) = dollars_per_million.split_once('.').unwrap_or((dollars_per_million, ""));
    if fraction.len() > 6 || whole.is_empty() || !dollars_per_million.bytes().all(|b| b.is_ascii_digit() || b == b'.') {
        return Err(format!("{dollars_per_million:?} is not a price in dollars with at most six decimals").into());
    }
    Ok(format!("{whole}{fraction:0<6}").parse()?)
}
