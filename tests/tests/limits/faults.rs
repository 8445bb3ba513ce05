//! Writes that fail: what is wrong with one item is not held against the others, and half of two items is none.

use axum::{Router, extract::State};
use http::StatusCode;
use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex},
    time::Duration,
};
use supergate::{
    clock::{Clock, SystemClock},
    http::aws,
    limits::{
        Actual, Ask, Budget, BudgetScope, LimitRule, LimitScope, Period, Policy, Worst,
        dynamo::{Limiter, NotAdmitted, Table},
    },
    tenancy::{BudgetId, KeyId, RequestId, TenantId},
    usage::Nanos,
};
use tokio::{net::TcpListener, task::JoinSet};

/// A DynamoDB that holds whatever it is asked to, but for calls with this word in them.
struct Faulty {
    limiter: Limiter,
    calls: Arc<Mutex<Vec<String>>>,
    _server: JoinSet<()>,
}

#[derive(Clone)]
struct Fault {
    word: String,
    status: StatusCode,
    code: &'static str,
    calls: Arc<Mutex<Vec<String>>>,
}

async fn answer(State(fault): State<Fault>, body: String) -> (StatusCode, String) {
    let fails = body.contains(&fault.word);
    fault.calls.lock().expect("the calls").push(body);
    match fails {
        true => (fault.status, format!(r#"{{"__type":"com.amazonaws.dynamodb#{}","message":"no"}}"#, fault.code)),
        false => (StatusCode::OK, r#"{"Attributes":{"f":{"N":"1"}}}"#.to_owned()),
    }
}

async fn faulty(word: &str, status: StatusCode, code: &'static str) -> Faulty {
    let calls: Arc<Mutex<Vec<String>>> = Arc::default();
    let fault = Fault { word: word.to_owned(), status, code, calls: Arc::clone(&calls) };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let mut server = JoinSet::new();
    server.spawn(async move {
        axum::serve(listener, Router::new().fallback(answer).with_state(fault)).await.expect("a server");
    });
    let config = aws::sdk_config(Duration::from_secs(30)).await.expect("the SDK's configuration");
    // What the environment says of an endpoint weighs more than what a copy of the configuration says.
    let loader = aws_config::defaults(aws_config::BehaviorVersion::latest()).endpoint_url(url);
    let config = loader.http_client(config.http_client().expect("a client")).load().await;
    let table = Table::new(&config, "limits".to_owned());
    Faulty { limiter: Limiter::new(Arc::new(table), Arc::new(SystemClock)), calls, _server: server }
}

fn policy(hard: bool) -> Policy {
    let id = BudgetId::generate(SystemClock.since_epoch());
    let budget = Budget { id, scope: BudgetScope::Tenant, limit: Nanos(1_000), period: Period::Total, hard };
    let rule =
        LimitRule { scope: LimitScope::Key, requests_per_minute: Some(50), tokens_per_minute: None, concurrency: None };
    Policy::new([rule], vec![budget])
}

fn ask(tenant: TenantId, policy: &Policy) -> Ask<'_> {
    let now = SystemClock.since_epoch();
    Ask {
        tenant,
        key: Some(KeyId::generate(now)),
        policy,
        model: "mock/model",
        tags: &[],
        request: RequestId::generate(now),
        worst: Worst { tokens: 1, is_bounded: true, cost: Some(Nanos(1)) },
        deadline: u64::MAX,
        note: None,
    }
}

#[tokio::test]
async fn a_tenant_whose_item_cannot_be_written_is_refused_and_nobody_else() {
    let now = SystemClock.since_epoch();
    let (one, other) = (TenantId::generate(now), TenantId::generate(now));
    for code in ["ValidationException", "ProvisionedThroughputExceededException", "SomethingNewException"] {
        for hard in [false, true] {
            let word = one.as_uuid().simple().to_string();
            let table = faulty(&word, StatusCode::BAD_REQUEST, code).await;
            let policy = policy(hard);
            let refused = table.limiter.reserve(&ask(one, &policy)).await;
            assert!(matches!(refused, Err(NotAdmitted::Stuck(_))), "{code}: never let through: {refused:?}");
            let admitted = table.limiter.reserve(&ask(other, &policy)).await;
            assert!(admitted.is_ok_and(|admission| !admission.is_local), "{code}: another tenant is counted as ever");
        }
    }
}

#[tokio::test]
async fn half_of_two_items_is_none() {
    let key = r#""sk":{"S":"key#"#;
    for hard in [false, true] {
        let table = faulty(key, StatusCode::INTERNAL_SERVER_ERROR, "InternalServerError").await;
        let policy = policy(hard);
        let admitted = table.limiter.reserve(&ask(TenantId::generate(SystemClock.since_epoch()), &policy)).await;
        match admitted {
            Ok(admission) => assert!(admission.is_local && !hard, "a soft budget closes nothing"),
            Err(error) => assert!(matches!(error, NotAdmitted::Away(_)) && hard, "a hard budget is closed: {error:?}"),
        }
        let calls = table.calls.lock().expect("the calls");
        let undone = calls.iter().filter(|call| !call.contains(key) && call.contains("attribute_exists"));
        assert_eq!(undone.count(), 1, "what the tenant's item held is taken back: {calls:?}");
    }
}

#[tokio::test]
async fn a_request_makes_two_calls_before_and_two_after_however_much_bounds_it() {
    let now = SystemClock.since_epoch();
    let table = faulty("no call has this in it", StatusCode::BAD_REQUEST, "").await;
    let key = KeyId::generate(now);
    let budget = |scope: BudgetScope, period| Budget {
        id: BudgetId::generate(now),
        scope,
        limit: Nanos(1_000),
        period,
        hard: period != Period::Day,
    };
    let scopes = [BudgetScope::Tenant, BudgetScope::Key(key), BudgetScope::Tag("a".into())];
    let periods = [Period::Day, Period::Week, Period::Month, Period::Total];
    let budgets = scopes.iter().flat_map(|scope| periods.map(|period| budget(scope.clone(), period))).collect();
    let model = LimitScope::KeyModel { model: "mock/model".into() };
    let rule = |scope| LimitRule {
        scope,
        requests_per_minute: Some(50),
        tokens_per_minute: Some(5_000),
        concurrency: Some(5),
    };
    let policy = Policy::new([LimitScope::Tenant, LimitScope::Key, model].map(rule), budgets);
    let tags = ["a".to_owned()];
    let ask = Ask { key: Some(key), tags: &tags, ..ask(TenantId::generate(now), &policy) };
    let admission = table.limiter.reserve(&ask).await.expect("room");
    let calls = || table.calls.lock().expect("the calls").len();
    assert_eq!(calls(), 2, "one to the tenant's item and one to the key's");
    table.limiter.settle(admission.permit, Actual::default()).await;
    assert_eq!(calls(), 4);
}
