use super::*;
use crate::tenancy::{KeyId, RequestId};
use std::time::Duration;

fn entry() -> Entry {
    Entry {
        request: RequestId::generate(Duration::from_millis(1_798_700_123_456)),
        attempt: 1,
        status: 200,
        ended: "complete".into(),
        error_code: None,
        provider: "openai".into(),
        model: "gpt-4o-mini".into(),
        model_requested: "gpt-4o-mini".into(),
        model_served: None,
        streamed: false,
        key: Some(KeyId::generate(Duration::from_secs(1))),
        key_name: Some("night jobs".into()),
        member: None,
        end_user: None,
        tags: vec!["team:a".into(), "nightly".into()],
        input_tokens: 10,
        output_tokens: 5,
        cached_input_tokens: None,
        cache_write_tokens: None,
        reasoning_tokens: None,
        audio_input_tokens: None,
        audio_output_tokens: None,
        web_searches: None,
        usage_source: "provider".into(),
        service_tier: None,
        cost: Nanos(1_000_000_001),
        price_version: None,
        cache: None,
        saved: Nanos(0),
        first_token_ms: None,
        latency_ms: 12,
    }
}

fn titles() -> Titles {
    Titles { tenant: "ten_1".into(), tenant_name: "A, \"B\"".into() }
}

fn cell(sheet: Sheet, name: &str, entry: &Entry) -> String {
    let (_, cell) = sheet.columns().iter().find(|(column, _)| *column == name).expect("a column");
    let mut out = String::new();
    cell(&titles(), entry).write(&mut out);
    out
}

#[test]
fn what_a_spreadsheet_would_run_is_text() {
    #[rustfmt::skip]
    let table = [
        ("=1+1",                   "'=1+1",                       "a formula"),
        ("+1",                     "'+1",                         "a formula"),
        ("-1",                     "'-1",                         "a formula"),
        ("@SUM(A1)",               "'@SUM(A1)",                   "a formula of another program"),
        ("\t=1",                   "'\t=1",                       "a tab is skipped"),
        ("\r=1",                   "\"'\r=1\"",                   "so is a line break"),
        ("=HYPERLINK(\"http://x\",1)", "\"'=HYPERLINK(\"\"http://x\"\",1)\"", "quotes are doubled"),
        ("a,b",                    "\"a,b\"",                     "a comma is no end"),
        ("a\nb",                   "\"a\nb\"",                    "nor is a line's"),
        ("plain",                  "plain",                       "what needs nothing gets nothing"),
        ("a=1",                    "a=1",                         "a sign within is none"),
    ];
    for (user, expected, why) in table {
        let entry = Entry { end_user: Some(user.to_owned()), ..entry() };
        assert_eq!(cell(Sheet::Csv, "end_user", &entry), expected, "{why}");
        assert_eq!(cell(Sheet::Focus, "x_EndUser", &entry), expected, "{why}");
    }
}

#[test]
fn every_column_that_focus_1_2_demands_is_there_and_filled() {
    // <https://focus.finops.org/focus-specification/v1-2/>, feature level "mandatory". ChargeClass is null but for corrections.
    let mandatory = [
        "BilledCost",
        "BillingAccountId",
        "BillingAccountName",
        "BillingCurrency",
        "BillingPeriodEnd",
        "BillingPeriodStart",
        "ChargeCategory",
        "ChargeDescription",
        "ChargePeriodEnd",
        "ChargePeriodStart",
        "ContractedCost",
        "EffectiveCost",
        "InvoiceIssuerName",
        "ListCost",
        "PricingQuantity",
        "PricingUnit",
        "ProviderName",
        "PublisherName",
        "ServiceCategory",
        "ServiceName",
        "ServiceSubcategory",
    ];
    for name in mandatory {
        assert!(!cell(Sheet::Focus, name, &entry()).is_empty(), "{name}");
    }
    assert_eq!(cell(Sheet::Focus, "ChargeClass", &entry()), "");
    for (name, expected) in [
        ("BilledCost", "1.000000001"),
        ("BillingPeriodStart", "2026-12-01T00:00:00Z"),
        ("BillingPeriodEnd", "2027-01-01T00:00:00Z"),
        ("ChargePeriodStart", "2026-12-31T06:00:00Z"),
        ("ChargePeriodEnd", "2026-12-31T07:00:00Z"),
        ("BillingAccountName", "\"A, \"\"B\"\"\""),
        ("Tags", "\"{\"\"team:a\"\":true,\"\"nightly\"\":true}\""),
    ] {
        assert_eq!(cell(Sheet::Focus, name, &entry()), expected, "{name}");
    }
}

#[test]
fn a_line_has_a_cell_for_each_column_and_what_was_not_used_is_no_charge() {
    for sheet in Sheet::ALL {
        let mut line = String::new();
        let plain = Titles { tenant_name: "A".into(), ..titles() };
        sheet.write(&plain, &Entry { tags: Vec::new(), ..entry() }, &mut line);
        let commas = |text: &str| text.matches(',').count();
        let in_words = if *sheet == Sheet::Focus { commas("10 tokens in, 5 out") } else { 0 };
        assert_eq!(commas(&line) - in_words, commas(&sheet.head()), "{line}");
        assert!(line.ends_with("\r\n"), "RFC 4180");
    }
    let nothing = Entry { usage_source: "none".into(), ..entry() };
    let mut lines = String::new();
    Sheet::Focus.write(&titles(), &nothing, &mut lines);
    assert!(lines.is_empty(), "no charge");
    Sheet::Csv.write(&titles(), &nothing, &mut lines);
    assert!(!lines.is_empty(), "but a request");
}
