//! What killed processes left behind: reservations past their deadline, for the sweeper.

use super::{Table, items::OPEN};
use crate::{
    causes::BoxError,
    limits::{
        claim::{Entry, IN_FLIGHT, ItemKey, budget_attribute, never_past},
        permit::Actual,
        policy::{Budget, BudgetScope, Spending},
        state::{ItemState, spending_of},
    },
    tenancy::{BudgetId, RequestId, TenantId},
    usage::Nanos,
};
use aws_sdk_dynamodb::types::AttributeValue;
use std::{
    collections::{HashMap, hash_map},
    sync::Arc,
};
use time::OffsetDateTime;

/// The index of items that have requests which may be running: by `open`, which is the item's shard, and `pk`.
const INDEX: &str = "open";
/// How many items of an index come at a time.
const PAGE: i32 = 200;

/// A reservation that nobody has settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenReservation {
    /// Where it is.
    pub item: ItemKey,
    /// Whose.
    pub request: RequestId,
    /// When the request cannot be running any more, in seconds since 1970.
    pub deadline: u64,
    /// Money.
    pub reserved: Nanos,
    /// Tokens.
    pub tokens: u64,
    /// Of a tenant's item: whether the key's must have one too.
    pub both: bool,
    /// In which slice of the other item.
    pub other: u16,
    /// What the request's process wanted to be kept.
    pub note: Option<String>,
    entry: Entry,
}

/// The sweeper's view of the table.
pub struct Reservations(Arc<Table>);

impl Reservations {
    /// Looks into this table.
    pub fn new(table: Arc<Table>) -> Self {
        Self(table)
    }

    /// Items that may have reservations, and where the next page begins; none after the last.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn open_items(
        &self,
        shard: u8,
        after: Option<HashMap<String, AttributeValue>>,
    ) -> Result<(Vec<ItemKey>, Option<HashMap<String, AttributeValue>>), BoxError> {
        let query = self
            .0
            .client
            .query()
            .table_name(&self.0.name)
            .index_name(INDEX)
            .key_condition_expression("#open = :shard")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_values(":shard", AttributeValue::S(shard.to_string()))
            .set_exclusive_start_key(after)
            .limit(PAGE);
        let page = Box::pin(query.send()).await?;
        let text = |item: &HashMap<String, AttributeValue>, name: &str| {
            item.get(name).and_then(|value| value.as_s().ok()).cloned()
        };
        let read = |item| ItemKey::read(&text(item, "pk")?, &text(item, "sk")?);
        Ok((page.items().iter().filter_map(read).collect(), page.last_evaluated_key))
    }

    /// What an item holds that nobody has settled, whatever its deadline.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn open_reservations(&self, item: ItemKey) -> Result<Vec<OpenReservation>, BoxError> {
        Ok(Self::open_in(item, &self.read_item(item).await?))
    }

    /// The same of an item as it was read.
    pub fn open_in(item: ItemKey, state: &ItemState) -> Vec<OpenReservation> {
        let found = state.open().map(|(request, entry)| OpenReservation {
            item,
            request,
            deadline: entry.deadline,
            reserved: Nanos(entry.cost),
            tokens: u64::try_from(entry.tokens).unwrap_or_default(),
            both: entry.both,
            other: entry.other,
            note: entry.note.clone(),
            entry,
        });
        found.collect()
    }

    /// The counters of budgets in total in an item, of which these requests have nothing: each with its budget.
    pub fn counters_in_total(state: &ItemState, running: &[OpenReservation]) -> Vec<(BudgetId, String)> {
        let named = |name: &String| running.iter().any(|one| one.entry.budgets.contains(name));
        let counters = state.numbers.keys().filter(|name| !named(name));
        counters.filter_map(|name| Some((never_past(name)?, name.clone()))).collect()
    }

    /// Removes counters of budgets that are deleted. Whoever does not know that yet and counts on begins at nothing, in vain.
    ///
    /// # Errors
    /// When nobody knows whether they are gone; for the log.
    pub async fn forget(&self, item: ItemKey, counters: &[String]) -> Result<(), BoxError> {
        self.0.remove(item, counters).await
    }

    /// Settles with what was used. False if somebody did so already.
    ///
    /// # Errors
    /// When nobody knows what became of it; for the log.
    pub async fn settle(&self, one: &OpenReservation, actual: Actual, at_ms: i64) -> Result<bool, BoxError> {
        let changes = one.entry.settled(actual, at_ms);
        Ok(self.0.close(one.item, one.request, &changes, &[]).await?.is_some())
    }

    /// Gives all of it back: the request never began. False if somebody settled it.
    ///
    /// # Errors
    /// When nobody knows what became of it; for the log.
    pub async fn void(&self, one: &OpenReservation, at_ms: i64) -> Result<bool, BoxError> {
        Ok(self.0.close(one.item, one.request, &one.entry.undone(at_ms), &[]).await?.is_some())
    }

    /// Takes an item out of the index if nothing is running in it. The next reservation puts it back.
    ///
    /// # Errors
    /// When nobody knows what became of it; for the log.
    pub async fn close_if_idle(&self, item: ItemKey) -> Result<bool, BoxError> {
        let update = self
            .0
            .client
            .update_item()
            .table_name(&self.0.name)
            .key("pk", AttributeValue::S(item.partition()))
            .key("sk", AttributeValue::S(item.sort()))
            .update_expression("REMOVE #open")
            .condition_expression("attribute_exists(#open) AND #running <= :none")
            .expression_attribute_names("#open", OPEN)
            .expression_attribute_names("#running", IN_FLIGHT)
            .expression_attribute_values(":none", super::number(0));
        match Box::pin(update.send()).await {
            Ok(_) => Ok(true),
            Err(error) if error.as_service_error().is_some_and(|e| e.is_conditional_check_failed_exception()) => {
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    /// An item as it is.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn read_item(&self, item: ItemKey) -> Result<ItemState, BoxError> {
        self.0.read(item).await
    }

    /// Whether a budget of a tenant was drawn on, in the period of that moment, elsewhere than in the first slice of its item: where a hard one
    /// would not be counted.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn is_spread(&self, tenant: TenantId, budget: &Budget, now: OffsetDateTime) -> Result<bool, BoxError> {
        let slices = self.0.read_slices(item_of(tenant, budget)).await?;
        let attribute = budget_attribute(budget, now);
        Ok(slices.iter().skip(1).any(|state| state.spending(&attribute) != Spending::default()))
    }

    /// What became of these budgets of a tenant in the periods of that moment, in their order: of all slices.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn spending(
        &self,
        tenant: TenantId,
        budgets: &[Budget],
        now: OffsetDateTime,
    ) -> Result<Vec<Spending>, BoxError> {
        let mut items: HashMap<ItemKey, Vec<ItemState>> = HashMap::new();
        let mut found = Vec::with_capacity(budgets.len());
        for budget in budgets {
            let item = item_of(tenant, budget);
            let slices = match items.entry(item) {
                hash_map::Entry::Occupied(known) => known.into_mut(),
                hash_map::Entry::Vacant(new) => new.insert(self.0.read_slices(item).await?),
            };
            found.push(spending_of(slices, &budget_attribute(budget, now)));
        }
        Ok(found)
    }
}

/// Where a budget is counted.
fn item_of(tenant: TenantId, budget: &Budget) -> ItemKey {
    let key = match budget.scope {
        BudgetScope::Key(key) => Some(key),
        BudgetScope::Tenant | BudgetScope::Member(_) | BudgetScope::Tag(_) => None,
    };
    ItemKey::new(tenant, key)
}
