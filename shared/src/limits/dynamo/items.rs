//! What is done to the items of limits and budgets: each is one call, and a conditional one, so that of many at once no more get through
//! than there is room for. Nothing is read before a write: the item comes back with its answer.

use super::{Table, fault::Fault, number};
use crate::{
    causes::BoxError,
    limits::{
        claim::{BYTES, Claim, IN_FLIGHT, ItemKey, MOST_BYTES, entry_attribute},
        slices,
        state::{ItemState, is_spread},
        window::Attribute,
    },
    tenancy::RequestId,
};
use aws_sdk_dynamodb::{
    error::SdkError,
    operation::update_item::UpdateItemError,
    types::{AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure},
};
use futures_util::future::try_join_all;
use std::{collections::HashMap, fmt::Write as _};

/// What became of a claim.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reserved {
    /// The item holds it now, or did already: the claim was made before, and its answer lost.
    Held(ItemState),
    /// The item as it is, without it.
    Refused(ItemState),
}

/// An attribute that makes an item be found among those with requests that may be running.
pub(super) const OPEN: &str = "open";

impl Table {
    /// Takes what the claim asks for, if each counter alone has room. `useless` are attributes to remove by the way.
    ///
    /// # Errors
    /// When nobody knows what became of it; for the log.
    pub async fn reserve(&self, claim: &Claim, useless: &[String]) -> Result<Reserved, Fault> {
        let update = Update::of(claim, useless).map_err(|error| Fault::Item(error.into()))?;
        match self.write(claim.item, update).await? {
            Written::Done(state) => Ok(Reserved::Held(state)),
            // The first try got through and its answer did not.
            Written::Refused(state) if state.has(claim.request) => Ok(Reserved::Held(state)),
            Written::Refused(state) => Ok(Reserved::Refused(state)),
        }
    }

    /// Ends a request's entry and adds the changes, if the entry is still there. The item as it is then; none if somebody was faster.
    ///
    /// # Errors
    /// When nobody knows what became of it; for the log.
    pub async fn close(
        &self,
        item: ItemKey,
        request: RequestId,
        changes: &[(String, i64)],
        useless: &[String],
    ) -> Result<Option<ItemState>, BoxError> {
        let mut update = Update::default();
        let attribute = entry_attribute(request);
        update.needs(&attribute);
        update.remove(&attribute);
        changes.iter().for_each(|(name, change)| update.add(name, *change));
        let is_changed = |name: &String| changes.iter().any(|(changed, _)| changed == name);
        useless.iter().filter(|name| !is_changed(name)).for_each(|name| update.remove(name));
        match self.write(item, update).await? {
            Written::Done(state) => Ok(Some(state)),
            Written::Refused(_) => Ok(None),
        }
    }

    /// Notes how far apart clocks are, unless they were found to be farther.
    ///
    /// # Errors
    /// When nobody knows what became of it; for the log.
    pub async fn note_spread(&self, item: ItemKey, attribute: &str, spread_ms: i64) -> Result<(), BoxError> {
        let mut update = Update::default();
        update.set(attribute, AttributeValue::N(spread_ms.to_string()));
        update.needs_at_most(attribute, spread_ms - 1);
        self.write(item, update).await.map(drop).map_err(Into::into)
    }

    /// Removes counters that count for nobody any more.
    ///
    /// # Errors
    /// When nobody knows whether they are gone; for the log.
    pub async fn remove(&self, item: ItemKey, counters: &[String]) -> Result<(), BoxError> {
        let mut update = Update::default();
        counters.iter().for_each(|name| update.remove(name));
        // An item that is gone does not come back for it.
        update.needs("pk");
        self.write(item, update).await.map(drop).map_err(Into::into)
    }

    /// The item as it is, with all that was written before.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn read(&self, item: ItemKey) -> Result<ItemState, BoxError> {
        let read = self
            .client
            .get_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(item.partition()))
            .key("sk", AttributeValue::S(item.sort()))
            .consistent_read(true);
        Ok(state(Box::pin(read.send()).await?.item))
    }

    /// All slices of an item as they are, the first first.
    ///
    /// # Errors
    /// When nobody knows; for the log.
    pub async fn read_slices(&self, item: ItemKey) -> Result<Vec<ItemState>, BoxError> {
        let first = self.read(item.slice(0)).await?;
        let others = (1..first.slices()).map(|slice| self.read(item.slice(slice)));
        let mut slices = try_join_all(others).await?;
        slices.insert(0, first);
        Ok(slices)
    }

    async fn write(&self, item: ItemKey, update: Update) -> Result<Written, Fault> {
        let (expression, condition) = (update.expression(), update.condition());
        let (names, values) = update.words();
        let write = self
            .client
            .update_item()
            .table_name(&self.name)
            .key("pk", AttributeValue::S(item.partition()))
            .key("sk", AttributeValue::S(item.sort()))
            .update_expression(expression)
            .condition_expression(condition)
            .set_expression_attribute_names(Some(names))
            .set_expression_attribute_values((!values.is_empty()).then_some(values))
            .return_values(ReturnValue::AllNew)
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match Box::pin(write.send()).await {
            Ok(written) => Ok(Written::Done(state(written.attributes))),
            Err(SdkError::ServiceError(answer)) if answer.err().is_conditional_check_failed_exception() => match answer
                .into_err()
            {
                UpdateItemError::ConditionalCheckFailedException(refused) => Ok(Written::Refused(state(refused.item))),
                error => Err(Fault::Item(error.into())),
            },
            Err(error) => Err(Fault::of(error)),
        }
    }
}

enum Written {
    Done(ItemState),
    Refused(ItemState),
}

fn state(attributes: Option<HashMap<String, AttributeValue>>) -> ItemState {
    let mut state = ItemState::default();
    for (name, value) in attributes.unwrap_or_default() {
        match value {
            AttributeValue::N(text) if is_counter(&name) => {
                state.numbers.insert(name, number_of(&text));
            }
            AttributeValue::S(text) if name.starts_with('p') && name.len() == 33 => {
                state.entries.insert(name, text);
            }
            _ => {}
        }
    }
    state
}

/// A number that is beyond ours is the largest of ours: read as nothing it would let everybody through.
fn number_of(text: &str) -> i64 {
    text.parse().unwrap_or(if text.starts_with('-') { -i64::MAX } else { i64::MAX })
}

fn is_counter(name: &str) -> bool {
    let is_of_running = name == IN_FLIGHT || name == BYTES || name.starts_with("f~");
    let is_of_item = is_spread(name) || slices::marked(name).is_some();
    is_of_running || is_of_item || name.starts_with('c') || Attribute::read(name).is_some()
}

/// An update expression and its condition, in the making. Names and values go beside it: an attribute's name may be a reserved word.
#[derive(Default)]
struct Update {
    names: HashMap<String, String>,
    values: HashMap<String, AttributeValue>,
    set: Vec<String>,
    added: Vec<String>,
    removed: Vec<String>,
    needed: Vec<String>,
}

impl Update {
    /// What takes all that a claim asks for, if each counter alone has room.
    fn of(claim: &Claim, useless: &[String]) -> Result<Self, serde_json::Error> {
        let entry = serde_json::to_string(&claim.entry)?;
        let mut update = Self::default();
        for rate in &claim.rates {
            let attribute = rate.attribute();
            update.add(&attribute, rate.amount);
            update.needs_at_most(&attribute, rate.limit - rate.amount);
        }
        update.add(IN_FLIGHT, 1);
        for flight in &claim.flights {
            if flight.attribute != IN_FLIGHT {
                update.add(&flight.attribute, 1);
            }
            update.needs_at_most(&flight.attribute, flight.limit - 1);
        }
        if let Some(bytes) = claim.entry.bytes {
            update.add(BYTES, i64::from(bytes));
            update.needs_at_most(BYTES, MOST_BYTES - i64::from(bytes));
        }
        if claim.slices > 1 && claim.item.slice == 0 {
            update.set(&slices::marker(claim.slices), number(1));
        }
        for charge in &claim.charges {
            update.add(&charge.attribute, claim.entry.cost);
            if charge.budget.hard {
                update.needs_at_most(&charge.attribute, charge.budget.limit.0.saturating_sub(claim.entry.cost));
            }
        }
        let attribute = entry_attribute(claim.request);
        update.set(&attribute, AttributeValue::S(entry));
        update.needs_none(&attribute);
        update.set_if_none(OPEN, AttributeValue::S(claim.item.shard().to_string()));
        match claim.expires_at {
            Some(at) => update.set("expires_at", number(at)),
            None => update.remove("expires_at"),
        }
        useless.iter().filter(|name| !claim.entry.windows.contains(name)).for_each(|name| update.remove(name));
        Ok(update)
    }

    fn add(&mut self, attribute: &str, amount: i64) {
        let (name, value) = (self.name(attribute), self.value(AttributeValue::N(amount.to_string())));
        self.added.push(format!("{name} {value}"));
    }

    fn set(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = {value}"));
    }

    fn set_if_none(&mut self, attribute: &str, value: AttributeValue) {
        let (name, value) = (self.name(attribute), self.value(value));
        self.set.push(format!("{name} = if_not_exists({name}, {value})"));
    }

    fn remove(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.removed.push(name);
    }

    /// What is not there is nothing, which is at most whatever is not below it.
    fn needs_at_most(&mut self, attribute: &str, most: i64) {
        let (name, value) = (self.name(attribute), self.value(AttributeValue::N(most.to_string())));
        match most {
            0.. => self.needed.push(format!("(attribute_not_exists({name}) OR {name} <= {value})")),
            _ => self.needed.push(format!("{name} <= {value}")),
        }
    }

    fn needs(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.needed.push(format!("attribute_exists({name})"));
    }

    fn needs_none(&mut self, attribute: &str) {
        let name = self.name(attribute);
        self.needed.push(format!("attribute_not_exists({name})"));
    }

    fn name(&mut self, attribute: &str) -> String {
        let short = format!("#{}", self.names.len());
        match self.names.iter().find(|(_, name)| *name == attribute) {
            Some((short, _)) => short.clone(),
            None => {
                self.names.insert(short.clone(), attribute.to_owned());
                short
            }
        }
    }

    fn value(&mut self, value: AttributeValue) -> String {
        let short = format!(":{}", self.values.len());
        self.values.insert(short.clone(), value);
        short
    }

    fn expression(&self) -> String {
        let mut text = String::new();
        for (verb, clauses) in [("SET", &self.set), ("ADD", &self.added), ("REMOVE", &self.removed)] {
            if !clauses.is_empty() {
                // Writing to a string cannot fail.
                let _ = write!(text, "{verb} {} ", clauses.join(", "));
            }
        }
        text
    }

    fn condition(&self) -> String {
        self.needed.join(" AND ")
    }

    fn words(self) -> (HashMap<String, String>, HashMap<String, AttributeValue>) {
        (self.names, self.values)
    }
}

#[cfg(test)]
mod tests;
