//! Sixty-four workers over a hundred budgets. Each has a limiter of its own, as each process has, and all share the emulator, which does
//! one thing after the other as DynamoDB does with one item.

use super::model::{Operation, faults};
use futures_util::future::join_all;
use std::{
    collections::HashSet,
    env,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::{Duration, Instant},
};
use supergate::{
    clock::{Clock, SystemClock},
    limits::{
        Actual, Ask, Budget, BudgetScope, ItemKey, LimitRule, LimitScope, Period, Policy, Worst,
        dynamo::{Limiter, NotAdmitted, Reservations, Table},
    },
    tenancy::{BudgetId, KeyId, RequestId, TenantId},
    usage::Nanos,
};
use supergate_tests::table;

const WORKERS: usize = 64;
/// A deadline that is over.
const ABANDONED: u64 = 0;
const TENANTS: usize = 10;
const BUDGETS_EACH: usize = 10;
/// Reserve and settle operations; `make soak` says more.
const OPERATIONS: usize = 2_000;
/// After how many requests of one worker it sweeps: an item holds then what crashed of a few minutes at a few requests a second, as a
/// deployed one does.
const SWEPT_EVERY: usize = 10;

/// A tenant with a budget of its own for a day and one for ever, of four keys and of four tags.
struct Tenant {
    id: TenantId,
    keys: Vec<KeyId>,
    budgets: Vec<Budget>,
}

impl Tenant {
    fn new(n: usize) -> Self {
        let now = SystemClock.since_epoch();
        let keys: Vec<KeyId> = (0..4).map(|_| KeyId::generate(now)).collect();
        let budget = |scope, limit, period| Budget {
            id: BudgetId::generate(now),
            scope,
            limit: Nanos(limit),
            period,
            hard: true,
        };
        // Of what is asked for about two thirds fit, however long the run.
        let all = i64::try_from(operations()).expect("a number") + 10 * i64::try_from(n).expect("few");
        let mut budgets = vec![
            budget(BudgetScope::Tenant, all * 3, Period::Month),
            budget(BudgetScope::Tenant, all * 3 + all / 5, Period::Total),
        ];
        budgets.extend(keys.iter().map(|key| budget(BudgetScope::Key(*key), all, Period::Total)));
        budgets.extend((0..4).map(|tag| budget(BudgetScope::Tag(format!("t{tag}")), all * 9 / 10, Period::Total)));
        Self { id: TenantId::generate(now), keys, budgets }
    }

    fn policy(&self, key: KeyId) -> Policy {
        let of_caller = |budget: &&Budget| !matches!(budget.scope, BudgetScope::Key(other) if other != key);
        Policy::new([], self.budgets.iter().filter(of_caller).cloned().collect())
    }
}

/// What becomes of an admitted request.
#[derive(Clone, Copy)]
enum Fate {
    /// Plain or streamed, it is settled with what it used.
    Ends,
    /// Its provider bills nothing.
    Fails,
    /// Its process is killed.
    Crashes,
}

/// Numbers that look random and are the same every time (splitmix64).
pub struct Random(pub u64);

impl Random {
    pub fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end
    }

    pub fn index(&mut self, end: u64) -> usize {
        usize::try_from(self.below(end)).expect("small")
    }

    pub fn nanos(&mut self, from: i64, end: i64) -> i64 {
        from + i64::try_from(self.below((end - from).unsigned_abs())).expect("small")
    }
}

struct World {
    tenants: Vec<Tenant>,
    table: Arc<Table>,
    /// Reservations of killed processes that the sweeper found.
    found: AtomicU64,
    /// Requests whose processes were killed. Who is refused by one item takes back what the other gave: that is nobody else's.
    crashed: Mutex<HashSet<RequestId>>,
    /// Counts up; what happens before something else has the smaller number.
    order: AtomicU64,
}

impl World {
    fn tick(&self) -> u64 {
        self.order.fetch_add(1, SeqCst)
    }

    async fn work(&self, seed: u64, operations: usize) -> Vec<(Operation, Option<RequestId>)> {
        let mut random = Random(seed);
        let limiter = Limiter::new(Arc::clone(&self.table), Arc::new(SystemClock));
        let mut history = Vec::with_capacity(operations);
        for n in 1..=operations {
            // In a long run the items would grow, as they would if nobody swept.
            if seed == 0 && n % SWEPT_EVERY == 0 {
                self.sweep().await;
            }
            let at = random.index(TENANTS as u64);
            let tenant = &self.tenants[at];
            let (key, tag) = (random.index(4), random.index(4));
            let worst = random.nanos(10, 400);
            let fate = match random.below(10) {
                0 => Fate::Crashes,
                1 | 2 => Fate::Fails,
                _ => Fate::Ends,
            };
            let budgets = [0, 1, 2 + key, 6 + tag].map(|budget| at * BUDGETS_EACH + budget).to_vec();
            let mut one = Operation { budgets, worst, ..Operation::default() };
            let request = RequestId::generate(SystemClock.since_epoch());
            one.reserve.0 = self.tick();
            let admitted = self.reserve(&limiter, tenant, tenant.keys[key], tag, (request, fate), worst).await;
            one.reserve.1 = self.tick();
            let mut crashed = None;
            match (admitted, fate) {
                (None, _) => {}
                (Some(permit), Fate::Crashes) => {
                    (one.admitted, one.actual, crashed) = (true, worst, Some(request));
                    drop(permit);
                    self.crashed.lock().expect("the crashed").insert(request);
                }
                (Some(permit), _) => {
                    one.admitted = true;
                    one.actual = if matches!(fate, Fate::Fails) { 0 } else { random.nanos(0, worst + 1) };
                    let begun = self.tick();
                    let actual = Actual { cost: Nanos(one.actual), tokens: 0 };
                    assert!(limiter.settle(permit, actual).await.is_empty(), "no budget is soft");
                    one.settle = Some((begun, self.tick()));
                }
            }
            history.push((one, crashed));
        }
        history
    }

    async fn reserve(
        &self,
        limiter: &Limiter,
        tenant: &Tenant,
        key: KeyId,
        tag: usize,
        (request, fate): (RequestId, Fate),
        worst: i64,
    ) -> Option<supergate::limits::Permit> {
        let policy = tenant.policy(key);
        let ask = Ask {
            tenant: tenant.id,
            key: Some(key),
            policy: &policy,
            model: "mock/model",
            tags: &[format!("t{tag}")],
            request,
            worst: Worst { tokens: 1, is_bounded: true, cost: Some(Nanos(worst)) },
            deadline: if matches!(fate, Fate::Crashes) { ABANDONED } else { u64::MAX },
            note: None,
        };
        match limiter.reserve(&ask).await {
            Ok(admission) => Some(admission.permit),
            Err(NotAdmitted::Refused { .. }) => None,
            Err(NotAdmitted::Away(error) | NotAdmitted::Stuck(error)) => panic!("the emulator is away: {error}"),
        }
    }

    /// What the sweeper does with what crashes left behind: everything is charged. Twice over, as if it were killed in between.
    /// All items at a time: one after the other, more would crash meanwhile than it finds.
    async fn sweep(&self) {
        join_all(self.items().into_iter().map(|item| self.sweep_item(item))).await;
    }

    async fn sweep_item(&self, item: ItemKey) {
        let reservations = Reservations::new(Arc::clone(&self.table));
        let now = i64::try_from(SystemClock.since_epoch().as_millis()).expect("a time");
        let open = reservations.open_reservations(item).await.expect("the table");
        let is_crashed = |request| self.crashed.lock().expect("the crashed").contains(&request);
        for one in open.into_iter().filter(|one| one.deadline == ABANDONED && is_crashed(one.request)) {
            self.found.fetch_add(u64::from(one.item.key.is_none()), SeqCst);
            let actual = Actual { cost: one.reserved, tokens: one.tokens };
            assert!(reservations.settle(&one, actual, now).await.expect("the table"));
            assert!(!reservations.settle(&one, actual, now).await.expect("the table"), "a second time changes nothing");
        }
    }

    fn items(&self) -> Vec<ItemKey> {
        let keys_of = |tenant: &Tenant| tenant.keys.iter().copied().map(Some).chain([None]).collect::<Vec<_>>();
        self.tenants
            .iter()
            .flat_map(|tenant| keys_of(tenant).into_iter().map(|key| ItemKey::new(tenant.id, key)))
            .collect()
    }
}

fn operations() -> usize {
    env::var("SOAK_OPERATIONS").map_or(OPERATIONS, |text| text.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn budgets_are_never_exceeded_and_nothing_stays_reserved() {
    let world = World {
        tenants: (0..TENANTS).map(Tenant::new).collect(),
        table: table::shared().await,
        found: AtomicU64::new(0),
        crashed: Mutex::default(),
        order: AtomicU64::new(1),
    };
    let begun = Instant::now();
    // A reservation and its settlement are two.
    let each = operations().div_ceil(2 * WORKERS);
    let histories = join_all((0_u64..).take(WORKERS).map(|seed| world.work(seed, each))).await;
    let history: Vec<(Operation, Option<RequestId>)> = histories.into_iter().flatten().collect();
    let crashed = history.iter().filter(|(_, crashed)| crashed.is_some()).count();
    let admitted = history.iter().filter(|(one, _)| one.admitted).count();
    world.sweep().await;
    assert_eq!(
        usize::try_from(world.found.load(SeqCst)).ok(),
        Some(crashed),
        "each crash leaves one reservation, which is found"
    );

    let history: Vec<Operation> = history.into_iter().map(|(one, _)| one).collect();
    let limits: Vec<i64> =
        world.tenants.iter().flat_map(|tenant| tenant.budgets.iter().map(|budget| budget.limit.0)).collect();
    assert_eq!(checked(&limits, &history), Vec::<String>::new());

    let reservations = Reservations::new(Arc::clone(&world.table));
    let (mut overspent, mut reserved) = (0, 0);
    for (at, tenant) in world.tenants.iter().enumerate() {
        let spent = reservations.spending(tenant.id, &tenant.budgets, SystemClock.now()).await.expect("the table");
        for (n, (budget, spending)) in tenant.budgets.iter().zip(spent).enumerate() {
            let booked: i64 = history
                .iter()
                .filter(|one| one.admitted && one.budgets.contains(&(at * BUDGETS_EACH + n)))
                .map(|one| one.actual)
                .sum();
            assert_eq!(spending.spent.0, booked, "the counter is what the requests cost");
            overspent += (spending.spent.0 - budget.limit.0).max(0);
            reserved += spending.reserved.0;
        }
    }
    for item in world.items() {
        let state = reservations.read_item(item).await.expect("the table");
        let left = (state.number("f"), state.number("g"));
        assert!(state.entries.is_empty() && left == (0, 0), "{item:?}: {state:?}");
    }
    println!(
        "{} budgets, {WORKERS} workers: {} reservations asked for, {admitted} admitted, {crashed} crashed; \
         overspent {overspent}, left reserved {reserved}; {:.1} s",
        limits.len(),
        history.len(),
        begun.elapsed().as_secs_f64(),
    );
    assert_eq!((overspent, reserved), (0, 0));
    assert!(admitted < history.len(), "some were refused, or nothing was tried");
}

/// What the model finds wrong.
fn checked(limits: &[i64], history: &[Operation]) -> Vec<String> {
    let begun = Instant::now();
    let found = faults(limits, history);
    println!("the model checked {} operations in {:.1} s", history.len(), begun.elapsed().as_secs_f64());
    found
}

#[tokio::test]
async fn a_reservation_that_is_asked_for_twice_is_one() {
    let world = World {
        tenants: vec![Tenant::new(0)],
        table: table::shared().await,
        found: AtomicU64::new(0),
        crashed: Mutex::default(),
        order: AtomicU64::new(1),
    };
    let (tenant, limiter) = (&world.tenants[0], Limiter::new(Arc::clone(&world.table), Arc::new(SystemClock)));
    let request = RequestId::generate(SystemClock.since_epoch());
    // As if the SDK had not heard the answer of the first.
    for _ in 0..3 {
        let permit = world.reserve(&limiter, tenant, tenant.keys[0], 0, (request, Fate::Ends), 70).await;
        drop(permit.expect("there is room"));
    }
    let reservations = Reservations::new(Arc::clone(&world.table));
    let spent = async || {
        let spent = reservations.spending(tenant.id, &tenant.budgets[..1], SystemClock.now()).await.expect("the table");
        (spent[0].spent.0, spent[0].reserved.0)
    };
    assert_eq!(spent().await, (0, 70), "once");
    let permit = world.reserve(&limiter, tenant, tenant.keys[0], 0, (request, Fate::Ends), 70).await.expect("its own");
    limiter.settle(permit, Actual { cost: Nanos(50), tokens: 1 }).await;
    assert_eq!(spent().await, (50, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_at_once_exactly_as_many_get_through_as_fit() {
    const LIMIT: u32 = 50;
    let now = SystemClock.since_epoch();
    let (tenant, key) = (TenantId::generate(now), KeyId::generate(now));
    let rule = LimitRule {
        scope: LimitScope::Tenant,
        requests_per_minute: Some(LIMIT),
        tokens_per_minute: None,
        concurrency: None,
    };
    let policy = Policy::new([rule], Vec::new());
    let table = table::shared().await;
    let workers = (0..WORKERS).map(|_| async {
        let limiter = Limiter::new(Arc::clone(&table), Arc::new(SystemClock));
        let mut admitted = 0;
        for _ in 0..3 {
            let ask = Ask {
                tenant,
                key: Some(key),
                policy: &policy,
                model: "mock/model",
                tags: &[],
                request: RequestId::generate(SystemClock.since_epoch()),
                worst: Worst::default(),
                deadline: (now + Duration::from_secs(60)).as_secs(),
                note: None,
            };
            if let Ok(admission) = limiter.reserve(&ask).await {
                admitted += 1;
                limiter.settle(admission.permit, Actual::default()).await;
            }
        }
        admitted
    });
    let admitted: u32 = join_all(workers).await.into_iter().sum();
    assert_eq!(admitted, LIMIT);
}
