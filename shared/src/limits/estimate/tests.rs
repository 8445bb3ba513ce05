use super::*;
use crate::{
    routing::plan,
    tenancy::PriceId,
    usage::{Price, PriceList, PriceSetter, ServedWith, ServiceTier, Tokens},
};
use serde_json::{Value, json};
use std::time::Duration;
use time::{OffsetDateTime, macros::datetime};

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

fn model(name: &str) -> Candidate {
    plan::resolve(name).expect("a model")
}

/// A model of Mistral's that no list has, at 1,000 nano-dollars a token of the prompt and 3,000 of the answer.
fn private_model(name: &str) -> Candidate {
    let price = Price {
        id: PriceId::generate(Duration::from_secs(1)),
        set_by: PriceSetter::Operator,
        provider: "mistral".to_owned(),
        model: name.to_owned(),
        based_on: Some("mistral-small-2603".to_owned()),
        starts_at: NOW,
        rates: Some(Rates { input: 1_000_000, output: 3_000_000, ..model("mistral/mistral-small-2603").model.rates }),
    };
    let found = plan::resolve_at(&format!("mistral/{name}"), &PriceList::new(vec![price]), |_| ServedWith::OwnKey, NOW);
    found.ok().expect("it has a price")
}

fn request(fields: &Value) -> ChatRequest {
    let mut body = json!({ "model": "x", "messages": [{ "role": "user", "content": "hello" }] });
    body.as_object_mut().expect("an object").extend(fields.as_object().expect("an object").clone());
    ChatRequest::parse(body.to_string().as_bytes()).expect("a request")
}

fn parts(part: &Value) -> Value {
    json!({ "messages": [{ "role": "user", "content": [{ "type": "text", "text": "what is this?" }, part] }] })
}

#[test]
fn the_worst_case_is_a_token_for_each_byte_and_the_longest_answer() {
    let mini = model("openai/gpt-4o-mini");
    // A thousand bytes and a thousand tokens beside them at 150 nano-dollars, and the answer at 600.
    let image = parts(&json!({ "type": "image_url", "image_url": { "url": "https://example.com/a.png" } }));
    #[rustfmt::skip]
    let table = [
        (json!({ "max_tokens": 10 }),           2_000 * 150 + 10 * 600,            "an answer that is capped"),
        (json!({ "max_tokens": 10, "n": 3 }),   2_000 * 150 + 30 * 600,            "three of them"),
        (json!({ "max_tokens": 99_999_999 }),   2_000 * 150 + 16_384 * 600,        "a cap beyond the model's own"),
        (json!({}),                             2_000 * 150 + 16_384 * 600,        "no cap but the model's"),
        (image,                                 52_000 * 150 + 16_384 * 600,       "an image is as dear as the dearest"),
    ];
    for (fields, cost, why) in table {
        assert_eq!(chat(&mini, &Terms::default(), &request(&fields), 1_000).cost, Some(Nanos(cost)), "{why}");
    }
}

#[test]
fn no_prompt_is_longer_than_the_context() {
    let mini = model("openai/gpt-4o-mini");
    let context = i64::from(mini.model.context_tokens.expect("it is published"));
    let capped = request(&json!({ "max_tokens": 1 }));
    assert_eq!(chat(&mini, &Terms::default(), &capped, 6_000_000).cost, Some(Nanos(context * 150 + 600)));
    let file = request(&parts(&json!({ "type": "file", "file": { "file_id": "file-1" } })));
    let worst = chat(&mini, &Terms::default(), &file, 1_000).cost.expect("a price");
    assert!(
        worst.0 >= context * 150,
        "of a document that lies at a provider nobody here knows how long it is: {worst:?}"
    );
}

#[test]
fn for_limits_a_prompt_is_estimated_and_an_answer_is_as_long_as_it_may_be() {
    let mini = model("openai/gpt-4o-mini");
    let of = |fields: &Value| {
        let worst = chat(&mini, &Terms::default(), &request(fields), 1_000);
        (worst.tokens, worst.is_bounded)
    };
    assert_eq!(of(&json!({ "max_completion_tokens": 100 })), (102, true), "five bytes are two tokens");
    assert_eq!(of(&json!({})), (16_386, false));
}

#[test]
fn no_price_of_a_model_is_higher_than_what_is_reserved() {
    let everything = |tier| Tokens {
        input: 1_900,
        output: 50,
        cache_write: Some(900),
        cache_write_1h: Some(1_000),
        terms: Terms { tier, us_only: Some(true), ..Terms::default() },
        ..Tokens::default()
    };
    let asked = request(&json!({ "max_tokens": 50 }));
    for provider in crate::providers::ALL {
        for model in provider.models().iter().filter(|model| model.kind == crate::usage::ModelKind::Chat) {
            for tier in [None, Some(ServiceTier::Flex), Some(ServiceTier::Priority)] {
                let terms = Terms { tier, ..Terms::default() };
                let worst = chat(&Candidate::listed(*provider, model), &terms, &asked, 1_000).cost.expect("a price");
                let cost = model.cost(&everything(tier)).expect("a price").total;
                assert!(cost <= worst, "{}, {tier:?}: {cost:?} of {worst:?}", model.id);
            }
        }
    }
}

#[test]
fn vectors_cost_no_more_than_a_token_for_each_byte() {
    let small = model("openai/text-embedding-3-small");
    let body = json!({ "model": "x", "input": ["hello", "world!"] });
    let worst = embeddings(&small.model, &EmbeddingsRequest::parse(body.to_string().as_bytes()).expect("a request"));
    assert_eq!((worst.tokens, worst.is_bounded), (4, true));
    assert_eq!(worst.cost, Some(Nanos((11 + 16) * 20)), "twenty nano-dollars a token");
}

#[test]
fn of_a_model_that_no_list_has_nobody_knows_how_long_an_answer_is_but_who_asks_for_it() {
    let base = model("mistral/mistral-small-2603").model;
    let longest = i64::from(base.max_output_tokens.or(base.context_tokens).expect("it is published"));
    let context = i64::from(base.context_tokens.expect("it is published"));
    // Another provider lists the second name, which says nothing of this model.
    for name in ["our-own-7b", "gpt-4o-mini"] {
        let private = private_model(name);
        assert_eq!(private.name(), format!("mistral/{name}"));
        #[rustfmt::skip]
        let table = [
            (json!({ "max_tokens": 10 }),         1_000,     2_000 * 1_000 + 10 * 3_000,         "at its own price"),
            (json!({}),                           1_000,     2_000 * 1_000 + longest * 3_000,    "no longer than that of the model it is like"),
            (json!({ "max_tokens": 99_999_999 }), 1_000,     2_000 * 1_000 + 99_999_999 * 3_000, "longer than that, if that is asked for"),
            (json!({ "max_tokens": 10 }),         6_000_000, 6_001_000 * 1_000 + 10 * 3_000,     "its context may be larger, too"),
        ];
        for (fields, sent, cost, why) in table {
            let worst = chat(&private, &Terms::default(), &request(&fields), sent);
            assert_eq!(worst.cost, Some(Nanos(cost)), "{name}: {why}");
            assert_eq!(worst.is_bounded, fields.get("max_tokens").is_some(), "{name}: {why}");
        }
    }
    assert!(context < 6_000_000, "or the last row says nothing");
}
