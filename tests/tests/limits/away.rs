//! DynamoDB is away: hard budgets are closed, limits are kept by each process itself.

use super::{App, BudgetScope, Period, ask, budget, chat, dollars, key_with};
use serde_json::json;

const MISSING: &[(&str, &str)] = &[("SUPERGATE_TABLE", "there-is-no-such-table")];

#[tokio::test]
async fn a_hard_budget_that_cannot_be_asked_is_closed() {
    let app = App::start_with(MISSING).await;
    budget(&app, &BudgetScope::Tenant, dollars(100.0), Period::Month, true).await;
    for _ in 0..2 {
        let refused = app.chat(&ask("hello")).await;
        assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (503, "unavailable"));
        assert!(refused.text().contains("budgets cannot be checked"), "{}", refused.text());
    }
    assert!(app.mock.bill().is_empty(), "no provider was asked");
}

#[tokio::test]
async fn limits_are_kept_by_each_process_itself_to_a_tenth() {
    let app = App::start_with(MISSING).await;
    let (key, _) = key_with(&app, &json!({"rpm": 30})).await;
    for n in 0..3 {
        let answer = chat(&app, &key, &ask("hello")).await;
        assert_eq!(answer.status, 200, "{n}: {}", answer.text());
        assert_eq!(answer.header("x-ratelimit-limit-requests"), "3", "a tenth of thirty");
    }
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!((refused.status.as_u16(), refused.error_code().as_str()), (429, "rate_limit_exceeded"));
    assert_eq!(app.chat(&ask("hello")).await.status, 200, "who has no limit is served");
    let rows = app.usage_events().await;
    let answered = rows.iter().filter(|row| row["status"] == 200).count();
    assert_eq!(answered, 4, "and has a row: {rows:?}");
}

#[tokio::test]
async fn what_is_larger_than_its_limit_is_refused_whoever_counts() {
    let app = App::start_with(MISSING).await;
    let (key, _) = key_with(&app, &json!({"tpm": 50})).await;
    let refused = chat(&app, &key, &ask("hello")).await;
    assert_eq!((refused.status.as_u16(), refused.header("x-should-retry")), (429, "false"));
    assert!(app.mock.bill().is_empty(), "no provider was asked");
}

#[tokio::test]
async fn a_soft_budget_closes_nothing() {
    let app = App::start_with(MISSING).await;
    budget(&app, &BudgetScope::Tenant, dollars(1.0), Period::Month, false).await;
    assert_eq!(app.chat(&ask("hello")).await.status, 200);
}
