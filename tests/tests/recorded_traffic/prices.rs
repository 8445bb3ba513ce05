//! What a row costs, from the provider's `prices.toml`, by arithmetic of its own: in integers of 10⁻¹⁵ dollars, rounded once.

use std::{collections::BTreeMap, fs};

use serde::Deserialize;
use supergate_tests::app::PROVIDERS;

use super::said::Usage;

/// 10⁻¹⁵ dollars in a nano-dollar.
const UNITS_PER_NANO: u128 = 1_000_000;

/// Every provider's list, by `provider/model`.
pub struct Prices(BTreeMap<String, Model>);

#[derive(Deserialize)]
struct List {
    model: Vec<Model>,
}

#[derive(Deserialize)]
struct Model {
    id: String,
    #[serde(flatten)]
    rates: Rates,
    #[serde(default)]
    tier: Vec<Tier>,
}

#[derive(Deserialize)]
struct Tier {
    above: u64,
    #[serde(flatten)]
    rates: Rates,
}

/// Dollars per million tokens, as decimals.
#[derive(Deserialize)]
struct Rates {
    input: String,
    output: String,
    cached_input: Option<String>,
    cache_write: Option<String>,
    cache_write_1h: Option<String>,
}

impl Prices {
    pub fn read() -> Self {
        let mut all = BTreeMap::new();
        for (provider, _) in PROVIDERS {
            let file = format!("{}/../shared/src/providers/{provider}/prices.toml", env!("CARGO_MANIFEST_DIR"));
            let list: List = toml::from_str(&fs::read_to_string(&file).expect("a price list")).expect("TOML");
            all.extend(list.model.into_iter().map(|model| (format!("{provider}/{}", model.id), model)));
        }
        Self(all)
    }

    /// In nano-dollars.
    pub fn cost(&self, model: &str, usage: &Usage) -> i64 {
        let model = &self.0[model];
        let counts = &usage.counts;
        let tier = model.tier.iter().filter(|tier| counts.input > tier.above).max_by_key(|tier| tier.above);
        let rates = tier.map_or(&model.rates, |tier| &tier.rates);
        let write = rates.cache_write.as_ref().unwrap_or(&rates.input);
        let parts = if let Some((input, output)) = usage.billed {
            vec![(input, &rates.input), (output, &rates.output)]
        } else {
            let (cached, written) = (counts.cached.unwrap_or(0), counts.written.unwrap_or(0));
            vec![
                (counts.input.saturating_sub(cached + written), &rates.input),
                (cached, rates.cached_input.as_ref().unwrap_or(&rates.input)),
                (written - usage.written_1h, write),
                (usage.written_1h, rates.cache_write_1h.as_ref().unwrap_or(write)),
                (counts.output, &rates.output),
            ]
        };
        let units: u128 = parts.into_iter().map(|(tokens, price)| u128::from(tokens) * units_per_token(price)).sum();
        i64::try_from((units + UNITS_PER_NANO / 2) / UNITS_PER_NANO).expect("an amount")
    }
}

/// `2.5` dollars per million tokens are 2 500 000 000 units per token.
fn units_per_token(price: &str) -> u128 {
    let (whole, decimals) = price.split_once('.').unwrap_or((price, ""));
    format!("{whole}{decimals:0<9}").parse().expect("a decimal of at most nine places")
}
