use super::*;
use crate::{
    providers,
    routing::plan,
    usage::{Billed, SearchContext, ServiceTier, Terms, Tokens},
};
use proptest::prelude::*;

const NONE: Tokens = Tokens {
    input: 0,
    output: 0,
    cached_input: None,
    cache_write: None,
    cache_write_1h: None,
    audio_input: None,
    cached_audio_input: None,
    audio_seconds: None,
    tool_input: None,
    reasoning: None,
    audio_output: None,
    video_output: None,
    accepted_prediction: None,
    rejected_prediction: None,
    web_searches: None,
    billed: None,
    terms: TERMS,
};
const TERMS: Terms = Terms { tier: None, us_only: None, search_context: None };
const DEFAULT: Terms = Terms { tier: Some(ServiceTier::Default), ..TERMS };
const FLEX: Terms = Terms { tier: Some(ServiceTier::Flex), ..TERMS };
const PRIORITY: Terms = Terms { tier: Some(ServiceTier::Priority), ..TERMS };
const FAST: Terms = Terms { tier: Some(ServiceTier::Fast), ..TERMS };
const US: Terms = Terms { us_only: Some(true), ..TERMS };
const SEARCH_LOW: Terms = Terms { search_context: Some(SearchContext::Low), ..TERMS };
const SEARCH_HIGH: Terms = Terms { search_context: Some(SearchContext::High), ..TERMS };

/// Computed by hand from the prices that the providers publish, in dollars per million tokens, which are micro-dollars per token: the
/// reason begins with the sum in micro-dollars, the third column is a thousand times that.
#[rustfmt::skip]
const TABLE: &[(&str, Tokens, i64, &str)] = &[
        ("openai/gpt-4o-mini", Tokens { input: 1000, output: 100, ..NONE }, 210_000, "1,000 × 0.15 + 100 × 0.6: prompt and answer"),
        ("openai/gpt-4o-mini", Tokens { input: 1, output: 1, ..NONE }, 750, "1 × 0.15 + 1 × 0.6: one token each, exact"),
        ("openai/gpt-4o-mini", NONE, 0, "0: nothing costs nothing"),
        ("openai/gpt-4o", Tokens { input: 2000, output: 300, cached_input: Some(1024), ..NONE }, 6_720_000, "(2,000 − 1,024) × 2.5 + 1,024 × 1.25 + 300 × 10: cached tokens are in the prompt's count"),
        ("openai/gpt-4o", Tokens { input: 2000, output: 300, cached_input: Some(0), ..NONE }, 8_000_000, "2,000 × 2.5 + 300 × 10: zero cached is as none"),
        ("openai/gpt-4o", Tokens { input: 1000, output: 500, accepted_prediction: Some(200), rejected_prediction: Some(100), ..NONE }, 7_500_000, "1,000 × 2.5 + 500 × 10: predicted tokens are in the answer's count, rejected ones too"),
        ("openai/o3", Tokens { input: 1000, output: 5000, reasoning: Some(4800), ..NONE }, 42_000_000, "1,000 × 2 + 5,000 × 8: thoughts are in the answer's count and at its price"),
        ("openai/o3", Tokens { input: 1000, output: 500, terms: FLEX, ..NONE }, 3_000_000, "1,000 × 1 + 500 × 4: served as flex"),
        ("openai/o3", Tokens { input: 1000, output: 500, cached_input: Some(600), terms: PRIORITY, ..NONE }, 8_925_000, "400 × 3.5 + 600 × 0.875 + 500 × 14: served as priority, cached too"),
        ("openai/gpt-4.1", Tokens { input: 1000, output: 500, terms: PRIORITY, ..NONE }, 10_500_000, "1,000 × 3.5 + 500 × 14: served as priority"),
        ("openai/gpt-4.1", Tokens { input: 1000, output: 500, terms: FLEX, ..NONE }, 6_000_000, "1,000 × 2 + 500 × 8: a tier without a price: the list price"),
        ("openai/gpt-4.1", Tokens { input: 1000, output: 500, terms: DEFAULT, ..NONE }, 6_000_000, "1,000 × 2 + 500 × 8: said to be served as everybody"),
        ("openai/gpt-5.4", Tokens { input: 272_000, output: 1000, ..NONE }, 695_000_000, "272,000 × 2.5 + 1,000 × 15: at the threshold, not above"),
        ("openai/gpt-5.4", Tokens { input: 272_001, output: 1000, ..NONE }, 1_382_505_000, "272,001 × 5 + 1,000 × 22.5: above it all tokens are dearer, also the answer's"),
        ("openai/gpt-5.4", Tokens { input: 300_000, output: 1000, cached_input: Some(290_000), ..NONE }, 217_500_000, "10,000 × 5 + 290,000 × 0.5 + 1,000 × 22.5: cached tokens count for the threshold"),
        ("openai/gpt-5.4", Tokens { input: 300_000, output: 1000, terms: FLEX, ..NONE }, 761_250_000, "300,000 × 2.5 + 1,000 × 11.25: long and flex: half of the long price"),
        ("openai/gpt-5.4", Tokens { input: 300_000, output: 1000, terms: PRIORITY, ..NONE }, 1_530_000_000, "300,000 × 5 + 1,000 × 30: long prompts are not sold as priority: the dearer of 5 and 5, of 30 and 22.5"),
        ("openai/gpt-5.4", Tokens { input: 1000, output: 100, cached_input: Some(500), terms: FLEX, ..NONE }, 1_440_000, "500 × 1.25 + 500 × 0.13 + 100 × 7.5: cached at the published flex price"),
        ("openai/gpt-5.6-sol", Tokens { input: 5000, output: 100, cached_input: Some(1000), cache_write: Some(3000), ..NONE }, 21_400_000, "1,000 × 4 + 1,000 × 0.4 + 3,000 × 5 + 100 × 20: written tokens are in the prompt's count and dearer than fresh ones"),
        ("openai/gpt-5.6-sol", Tokens { input: 5000, output: 100, cache_write: Some(3000), terms: PRIORITY, ..NONE }, 50_000_000, "2,000 × 8 + 3,000 × 10 + 100 × 40: written as priority"),
        ("openai/gpt-5.6-sol", Tokens { input: 272_001, output: 100, cache_write: Some(200_000), terms: FLEX, ..NONE }, 1_289_504_000, "72,001 × 4 + 200,000 × 5 + 100 × 15: long, written and flex"),
        ("openai/gpt-audio", Tokens { input: 1000, output: 400, audio_input: Some(800), audio_output: Some(300), ..NONE }, 46_300_000, "200 × 2.5 + 800 × 32 + 100 × 10 + 300 × 64: sound is in both counts at prices of its own"),
        ("openai/gpt-audio", Tokens { input: 1000, output: 400, audio_input: Some(0), audio_output: Some(0), ..NONE }, 6_500_000, "1,000 × 2.5 + 400 × 10: text only"),
        ("openai/gpt-audio-mini", Tokens { input: 500, output: 90, audio_input: Some(500), ..NONE }, 5_216_000, "500 × 10 + 90 × 2.4: all of the prompt is sound"),
        ("openai/gpt-4o-search-preview", Tokens { input: 100, output: 200, web_searches: Some(1), ..NONE }, 37_250_000, "100 × 2.5 + 200 × 10 + 35,000: every request searches: 0.035 dollars with medium context"),
        ("openai/gpt-4o-search-preview", Tokens { input: 100, output: 200, web_searches: Some(1), terms: SEARCH_HIGH, ..NONE }, 52_250_000, "100 × 2.5 + 200 × 10 + 50,000: 0.05 dollars with much context"),
        ("openai/gpt-4o-mini-search-preview", Tokens { input: 100, output: 200, web_searches: Some(1), terms: SEARCH_LOW, ..NONE }, 25_135_000, "100 × 0.15 + 200 × 0.6 + 25,000: 0.025 dollars with little"),
        ("openai/gpt-5-search-api", Tokens { input: 100, output: 200, web_searches: Some(3), ..NONE }, 12_125_000, "100 × 1.25 + 200 × 10 + 10,000: once per request, 0.01 dollars"),
        ("openai/text-embedding-3-small", Tokens { input: 8000, ..NONE }, 160_000, "8,000 × 0.02: vectors have no answer to pay"),
        ("anthropic/claude-sonnet-4-5", Tokens { input: 1000, output: 100, ..NONE }, 4_500_000, "1,000 × 3 + 100 × 15: prompt and answer"),
        ("anthropic/claude-sonnet-4-5", Tokens { input: 10_000, output: 100, cached_input: Some(6000), cache_write: Some(3000), ..NONE }, 17_550_000, "1,000 × 3 + 6,000 × 0.3 + 3,000 × 3.75 + 100 × 15: read at a tenth, written for five minutes at 1.25"),
        ("anthropic/claude-sonnet-4-5", Tokens { input: 10_000, output: 100, cache_write: Some(3000), cache_write_1h: Some(2000), ..NONE }, 39_750_000, "5,000 × 3 + 3,000 × 3.75 + 2,000 × 6 + 100 × 15: written for an hour at twice the price"),
        ("anthropic/claude-sonnet-4-5", Tokens { input: 200_000, output: 1, ..NONE }, 600_015_000, "200,000 × 3 + 1 × 15: at the threshold, not above"),
        ("anthropic/claude-sonnet-4-5", Tokens { input: 200_001, output: 1, ..NONE }, 1_200_028_500, "200,001 × 6 + 1 × 22.5: above it all is repriced"),
        ("anthropic/claude-sonnet-4-5", Tokens { input: 300_000, output: 100, cached_input: Some(200_000), cache_write: Some(50_000), cache_write_1h: Some(10_000), ..NONE }, 857_250_000, "40,000 × 6 + 200,000 × 0.6 + 50,000 × 7.5 + 10,000 × 12 + 100 × 22.5: long, read, written for both"),
        ("anthropic/claude-opus-4-6", Tokens { input: 500_000, output: 100, ..NONE }, 2_502_500_000, "500,000 × 5 + 100 × 25: this one has no price for long prompts"),
        ("anthropic/claude-opus-4-6", Tokens { input: 1000, output: 100, terms: US, ..NONE }, 8_250_000, "(1,000 × 5 + 100 × 25) × 1.1: in the United States: 1.1 times"),
        ("anthropic/claude-opus-4-6", Tokens { input: 1000, output: 100, cached_input: Some(400), cache_write: Some(500), web_searches: Some(1), terms: US, ..NONE }, 16_957_500, "(100 × 5 + 400 × 0.5 + 500 × 6.25 + 100 × 25) × 1.1 + 10,000: 1.1 times for all tokens, not for the search"),
        ("anthropic/claude-opus-4-6", Tokens { input: 1000, output: 100, terms: FAST, ..NONE }, 45_000_000, "1,000 × 30 + 100 × 150: fast mode: six times"),
        ("anthropic/claude-opus-4-8", Tokens { input: 1000, output: 100, cached_input: Some(400), terms: FAST, ..NONE }, 11_400_000, "600 × 10 + 400 × 1 + 100 × 50: fast mode: twice, cached too"),
        ("anthropic/claude-opus-4-6", Tokens { input: 1000, output: 100, terms: PRIORITY, ..NONE }, 7_500_000, "1,000 × 5 + 100 × 25: a commitment bought before: the list price"),
        ("anthropic/claude-haiku-4-5", Tokens { input: 1000, output: 100, web_searches: Some(3), ..NONE }, 31_500_000, "1,000 × 1 + 100 × 5 + 3 × 10,000: 0.01 dollars for each search"),
        ("anthropic/claude-sonnet-4-5", Tokens { input: 10, output: 0, cached_input: Some(20), ..NONE }, 6_000, "20 × 0.3: more cached than there is: nonsense never goes below zero"),
        ("google/gemini-2.5-flash", Tokens { input: 1000, output: 300, reasoning: Some(200), ..NONE }, 1_050_000, "1,000 × 0.3 + 300 × 2.5: thoughts are at the answer's price"),
        ("google/gemini-2.5-flash", Tokens { input: 1000, output: 100, audio_input: Some(700), ..NONE }, 1_040_000, "300 × 0.3 + 700 × 1 + 100 × 2.5: sound at a price of its own"),
        ("google/gemini-2.5-flash", Tokens { input: 10_000, output: 100, cached_input: Some(8000), audio_input: Some(7000), cached_audio_input: Some(6000), ..NONE }, 2_210_000, "1,000 × 0.3 + 1,000 × 1 + 2,000 × 0.03 + 6,000 × 0.1 + 100 × 2.5: sound read from the cache: 2,000 of the cached tokens are text"),
        ("google/gemini-2.5-pro", Tokens { input: 1000, output: 100, audio_input: Some(700), ..NONE }, 2_250_000, "1,000 × 1.25 + 100 × 10: one price for all that goes in"),
        ("google/gemini-2.5-pro", Tokens { input: 200_001, output: 100, cached_input: Some(100_000), ..NONE }, 276_502_500, "100,001 × 2.5 + 100,000 × 0.25 + 100 × 15: long prompts"),
        ("google/gemini-2.5-flash", Tokens { input: 1000, output: 100, web_searches: Some(3), ..NONE }, 35_550_000, "1,000 × 0.3 + 100 × 2.5 + 35,000: 0.035 dollars per grounded prompt, however many searches"),
        ("google/gemini-2.5-flash", Tokens { input: 1000, output: 100, web_searches: Some(0), ..NONE }, 550_000, "1,000 × 0.3 + 100 × 2.5: none was run"),
        ("google/gemini-3-flash-preview", Tokens { input: 1000, output: 100, web_searches: Some(3), ..NONE }, 42_800_000, "1,000 × 0.5 + 100 × 3 + 3 × 14,000: 0.014 dollars for each search"),
        ("google/gemini-3-flash-preview", Tokens { input: 1000, output: 100, audio_input: Some(400), terms: PRIORITY, ..NONE }, 1_800_000, "600 × 0.9 + 400 × 1.8 + 100 × 5.4: sound as priority"),
        ("google/gemini-3.1-pro-preview", Tokens { input: 200_001, output: 100, terms: PRIORITY, ..NONE }, 1_443_247_200, "200,001 × 7.2 + 100 × 32.4: long and priority"),
        ("google/gemini-3.5-flash", Tokens { input: 1000, output: 100, terms: FLEX, ..NONE }, 1_200_000, "1,000 × 0.75 + 100 × 4.5: flex: half"),
        ("cohere/command-a-03-2025", Tokens { input: 500, output: 50, billed: Some(Billed { input: 10, output: 5 }), ..NONE }, 75_000, "10 × 2.5 + 5 × 10: what is billed, not what was processed"),
        ("cohere/command-a-03-2025", Tokens { input: 500, output: 50, cached_input: Some(400), billed: Some(Billed { input: 10, output: 5 }), ..NONE }, 75_000, "10 × 2.5 + 5 × 10: cached tokens are inside what was processed"),
        ("cohere/command-a-03-2025", Tokens { input: 500, output: 50, ..NONE }, 1_750_000, "500 × 2.5 + 50 × 10: nothing is said of what is billed"),
        ("cohere/embed-v4.0", Tokens { input: 1000, ..NONE }, 120_000, "1,000 × 0.12: vectors"),
        ("mistral/mistral-large-latest", Tokens { input: 1000, output: 100, ..NONE }, 650_000, "1,000 × 0.5 + 100 × 1.5: prompt and answer"),
        ("mistral/mistral-large-latest", Tokens { input: 1000, output: 100, cached_input: Some(600), ..NONE }, 380_000, "400 × 0.5 + 600 × 0.05 + 100 × 1.5: cached at a tenth"),
        ("mistral/voxtral-small-latest", Tokens { input: 9, output: 248, audio_input: Some(375), audio_seconds: Some(30), ..NONE }, 2_100_100, "9 × 0.1 + 248 × 0.4 + 30 × 4,000 ÷ 60: sound by the minute (0.004 dollars), not by its tokens"),
        ("mistral/voxtral-small-latest", Tokens { input: 16, output: 2, audio_seconds: Some(0), ..NONE }, 2_400, "16 × 0.1 + 2 × 0.4: no sound"),
];

#[test]
fn a_cost_is_what_the_provider_invoices() {
    for (model, tokens, cost_nanos, why) in TABLE {
        let candidate = plan::resolve(model).expect("a model");
        let cost = candidate.model.cost(tokens).expect("small counts");
        assert_eq!(cost.total, Nanos(*cost_nanos), "{model}: {why}");
    }
}

#[test]
fn the_parts_of_a_cost_are_told_apart() {
    let model = plan::resolve("openai/gpt-audio").expect("a model").model;
    let tokens = Tokens { input: 1000, output: 400, audio_input: Some(800), audio_output: Some(300), ..NONE };
    let cost = model.cost(&tokens).expect("small counts");
    assert_eq!((cost.input, cost.audio_input), (Nanos(500_000), Nanos(25_600_000)));
    assert_eq!((cost.output, cost.audio_output), (Nanos(1_000_000), Nanos(19_200_000)));
    let details = serde_json::to_value(cost.details()).expect("JSON");
    assert_eq!(details["audio_input_cost"], 0.0256);
    assert!(details.get("tools_cost").is_none(), "none was run");

    let model = plan::resolve("anthropic/claude-haiku-4-5").expect("a model").model;
    let cost = model.cost(&Tokens { web_searches: Some(2), ..NONE }).expect("small counts");
    assert_eq!((cost.tools, cost.total), (Nanos(20_000_000), Nanos(20_000_000)));
    assert_eq!(serde_json::to_value(cost.details()).expect("JSON")["tools_cost"], 0.02);
}

#[test]
fn half_a_nano_dollar_is_rounded_up_once() {
    let card = plan::resolve("google/gemini-2.0-flash-lite").expect("a model").model;
    let rates = Rates { input: 18_750, output: 500, ..card.rates };
    let card = ModelCard { rates, tiers: &[], ..(*card).clone() };
    let cost = card.cost(&Tokens { input: 1, output: 1, ..NONE }).expect("small");
    assert_eq!(cost.total, Nanos(19), "18.75 + 0.5 = 19.25 nano-dollars");
    assert_eq!((cost.input, cost.output), (Nanos(19), Nanos(1)));
}

#[test]
fn reasoning_has_its_own_price_where_there_is_one() {
    let card = plan::resolve("google/gemini-2.5-flash").expect("a model").model;
    let card = ModelCard { rates: Rates { reasoning: Some(3_500_000), ..card.rates }, ..(*card).clone() };
    let cost = card.cost(&Tokens { output: 300, reasoning: Some(200), ..NONE }).expect("small");
    assert_eq!(cost.total, Nanos(950_000), "100 × 2.5 + 200 × 3.5");
}

#[test]
fn counts_that_overflow_are_an_error_and_not_a_cheap_request() {
    let card = plan::resolve("anthropic/claude-opus-4-6").expect("a model").model;
    let half = Some(1 << 63);
    for tokens in [
        Tokens { input: u64::MAX, ..NONE },
        Tokens { output: u64::MAX, ..NONE },
        Tokens { cached_input: half, cache_write: half, ..NONE },
        Tokens { web_searches: half, ..NONE },
        Tokens { input: 3_000_000_000_000, terms: US, ..NONE },
    ] {
        assert_eq!(card.cost(&tokens), Err(CostOverflow), "{tokens:?}");
    }
}

/// Counts that exclude one another: each can grow by itself.
#[derive(Debug, Clone, Copy)]
struct Counts([u64; 12]);

impl Counts {
    fn tokens(self, terms: Terms) -> Tokens {
        let Self(
            [fresh, cached, write, write_1h, audio, cached_audio, seconds, said, thought, spoken, shown, searches],
        ) = self;
        Tokens {
            input: fresh + cached + write + write_1h + audio + cached_audio,
            output: said + thought + spoken + shown,
            cached_input: Some(cached + cached_audio),
            cache_write: Some(write),
            cache_write_1h: Some(write_1h),
            audio_input: Some(audio + cached_audio),
            cached_audio_input: Some(cached_audio),
            audio_seconds: Some(seconds),
            reasoning: Some(thought),
            audio_output: Some(spoken),
            video_output: Some(shown),
            web_searches: Some(searches),
            terms,
            ..NONE
        }
    }
}

fn any_terms() -> impl Strategy<Value = Terms> {
    let tiers = [
        None,
        Some(ServiceTier::Default),
        Some(ServiceTier::Flex),
        Some(ServiceTier::Priority),
        Some(ServiceTier::Fast),
    ];
    let contexts = [None, Some(SearchContext::Low), Some(SearchContext::Medium), Some(SearchContext::High)];
    let us_only = prop::option::of(any::<bool>());
    (prop::sample::select(tiers.to_vec()), us_only, prop::sample::select(contexts.to_vec()))
        .prop_map(|(tier, us_only, search_context)| Terms { tier, us_only, search_context })
}

fn any_model() -> impl Strategy<Value = &'static ModelCard> {
    let all: Vec<&'static ModelCard> = providers::ALL.iter().flat_map(|provider| provider.models()).collect();
    prop::sample::select(all)
}

/// Around the thresholds of long prompts too.
fn any_count() -> impl Strategy<Value = u64> {
    prop_oneof![0_u64..300, 100_000_u64..300_000]
}

proptest! {
    #[test]
    fn more_of_anything_never_costs_less(
        model in any_model(),
        counts in prop::array::uniform12(any_count()),
        which in 0_usize..12,
        more in 1_u64..200_000,
        terms in any_terms(),
    ) {
        let mut grown = counts;
        grown[which] += more;
        let before = model.cost(&Counts(counts).tokens(terms)).expect("small counts");
        let after = model.cost(&Counts(grown).tokens(terms)).expect("small counts");
        prop_assert!(after.total >= before.total, "{}: {:?} and {} more of {}", model.id, counts, more, which);
    }

    #[test]
    fn more_that_is_billed_never_costs_less(
        model in any_model(),
        input in any_count(),
        output in any_count(),
        (more_in, more_out) in (any_count(), any_count()),
    ) {
        let cost = |input, output| model.cost(&Tokens { input, output, billed: Some(Billed { input, output }), ..NONE });
        prop_assert!(cost(input + more_in, output + more_out).expect("small").total >= cost(input, output).expect("small").total);
    }

    #[test]
    fn the_parts_add_up_to_the_total_but_for_rounding(
        model in any_model(),
        counts in prop::array::uniform12(any_count()),
        terms in any_terms(),
    ) {
        let cost = model.cost(&Counts(counts).tokens(terms)).expect("small counts");
        let parts = [
            cost.input, cost.cached_input, cost.cache_write, cost.audio_input, cost.output, cost.audio_output, cost.tools,
        ];
        let sum: i64 = parts.iter().map(|part| part.0).sum();
        prop_assert!((sum - cost.total.0).abs() <= 4, "{} {:?}", model.id, cost);
    }
}
