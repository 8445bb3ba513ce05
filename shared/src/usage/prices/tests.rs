use super::*;
use crate::{routing::plan, usage::Tokens};
use std::time::Duration;
use time::macros::datetime;

const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

fn price(set_by: PriceSetter, starts_at: OffsetDateTime, input: u64) -> Price {
    let rates = Rates {
        input,
        output: 2 * input,
        cached_input: None,
        cache_write: None,
        cache_write_1h: None,
        audio_input: None,
        cached_audio_input: None,
        audio_output: None,
        video_output: None,
        reasoning: None,
    };
    Price {
        id: PriceId::generate(Duration::from_secs(1)),
        set_by,
        provider: "openai".into(),
        model: "gpt-4o-mini".into(),
        based_on: None,
        starts_at,
        rates: Some(rates),
    }
}

#[test]
fn the_price_that_began_last_holds_of_the_most_particular_setter_that_counts() {
    use PriceSetter::{Operator, Platform, Tenant};
    use ServedWith::{OwnKey, PlatformKey};
    let (old, new, later) =
        (datetime!(2026-01-01 00:00 UTC), datetime!(2026-11-22 12:00 UTC), datetime!(2026-11-22 12:00:01 UTC));
    #[rustfmt::skip]
    let table = [
        (vec![],                                       PlatformKey, None,    "none: the list's"),
        (vec![(Platform, old, 1)],                     PlatformKey, Some(1), "the deployment's contract"),
        (vec![(Platform, old, 1)],                     OwnKey,      None,    "not for who has a contract of their own"),
        (vec![(Tenant, old, 1)],                       OwnKey,      Some(1), "the tenant's contract"),
        (vec![(Tenant, old, 1)],                       PlatformKey, None,    "nobody makes the platform's keys cheap"),
        (vec![(Platform, old, 1), (Operator, old, 2)], PlatformKey, Some(2), "for one tenant before for all"),
        (vec![(Tenant, old, 1), (Operator, old, 2)],   OwnKey,      Some(2), "what the operators say of a tenant counts"),
        (vec![(Platform, old, 1), (Platform, new, 2)], PlatformKey, Some(2), "the newer one, from its first moment on"),
        (vec![(Platform, old, 1), (Platform, later, 2)], PlatformKey, Some(1), "not before"),
        (vec![(Platform, later, 2)],                   PlatformKey, None,    "the list's until then"),
    ];
    for (prices, served, expected, why) in table {
        let list = PriceList::new(prices.into_iter().map(|(by, at, input)| price(by, at, input)).collect());
        let found =
            list.at("openai", "gpt-4o-mini", served, NOW).and_then(|price| price.rates).map(|rates| rates.input);
        assert_eq!(found, expected, "{why}");
    }
}

#[test]
fn a_card_at_another_price_differs_in_nothing_else() {
    let base = plan::resolve("gpt-4o-mini").expect("a model").model;
    let price = price(PriceSetter::Platform, NOW, 1_000_000);
    let card = price.card(&base).expect("a card");
    assert_eq!(card.price_version, price.id.to_string(), "the ledger names it");
    let tokens = Tokens { input: 1000, output: 10, cached_input: Some(500), ..Tokens::default() };
    let cost = card.cost(&tokens).expect("a cost");
    assert_eq!(cost.total.0, 1000 * 1000 + 10 * 2000, "what has no price of its own costs as the prompt");
    assert_eq!(
        (&card.id, card.kind, card.context_tokens, card.lanes),
        (&base.id, base.kind, base.context_tokens, base.lanes)
    );
    let withdrawn = Price { rates: None, ..price };
    assert!(withdrawn.card(&base).is_none());
}

#[test]
fn a_model_that_no_list_has_is_like_the_one_it_is_based_on() {
    let base = plan::resolve("gpt-4.1").expect("a model").model;
    let price = Price {
        model: "ft:gpt-4.1:acme::abc".into(),
        based_on: Some("gpt-4.1".into()),
        ..price(PriceSetter::Tenant, NOW, 5)
    };
    let card = price.card(&base).expect("a card");
    assert_eq!((&*card.id, card.max_output_tokens), ("ft:gpt-4.1:acme::abc", base.max_output_tokens));
    assert!(card.lanes.is_empty() && card.tiers.is_empty(), "what the base costs in other tiers says nothing of it");
}

#[test]
fn however_often_one_tenant_changes_its_prices_others_have_theirs_and_nothing_is_left_behind() {
    let base = plan::resolve("gpt-4o-mini").expect("a model").model;
    let made = (0..25_000).map(|n| price(PriceSetter::Tenant, NOW, n).card(&base).expect("a card"));
    let mut kept = Vec::new();
    for card in made {
        let Card::Own(card) = card else { panic!("a price of somebody's own") };
        kept.push(Arc::downgrade(&card));
    }
    assert!(kept.iter().all(|card| card.upgrade().is_none()), "a card goes with who holds it");
    let others = price(PriceSetter::Tenant, NOW, 7).card(&base).expect("another tenant's card");
    assert_eq!(others.rates.input, 7);
}
