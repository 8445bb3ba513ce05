//! Where alerts are told: always in the log, and where one is configured on an EventBridge bus, from which the deployment's rules take them to a
//! topic or a webhook.

use super::{Alert, SOURCE};
use crate::{
    causes::{BoxError, chain},
    clock::Clock,
    limits::dynamo::{Counter, Table},
};
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

/// How many alerts one process remembers to have told.
const MAX_TOLD: usize = 10_000;

/// Tells alerts. What cannot be told is an error in the log, and never the caller's.
pub struct Alerts {
    bus: Option<Bus>,
    table: Arc<Table>,
    clock: Arc<dyn Clock>,
    /// Until when each is not told again, since the Unix epoch.
    told: Mutex<HashMap<String, Duration>>,
}

struct Bus {
    client: Client,
    name: String,
}

impl Alerts {
    /// Tells them on this bus, if there is one. The table remembers what other processes told.
    pub fn new(aws: &aws_config::SdkConfig, bus: Option<String>, table: Arc<Table>, clock: Arc<dyn Clock>) -> Self {
        let bus = bus.map(|name| Bus { client: Client::new(aws), name });
        Self { bus, table, clock, told: Mutex::default() }
    }

    /// Tells one, unless it was told before.
    pub async fn tell(&self, alert: &Alert) {
        let (key, quiet) = alert.once(self.clock.now());
        if !self.is_new(&key, quiet) || !self.is_first(alert, &key, quiet).await {
            return;
        }
        let detail = alert.detail();
        tracing::warn!(alert = alert.name(), %detail, "an alert");
        if let Some(bus) = &self.bus
            && let Err(error) = bus.put(alert.name(), detail.to_string()).await
        {
            tracing::error!(alert = alert.name(), %detail, error = %chain(&*error), "an alert was not told");
        }
    }

    /// Whether this process has not told it.
    fn is_new(&self, key: &str, quiet: Duration) -> bool {
        let now = self.clock.since_epoch();
        let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
        if told.get(key).is_some_and(|until| *until > now) {
            return false;
        }
        if told.len() >= MAX_TOLD {
            told.retain(|_, until| *until > now);
        }
        if told.len() < MAX_TOLD {
            told.insert(key.to_owned(), now.saturating_add(quiet));
        }
        true
    }

    /// Whether no other process has told it. If nobody knows, it is told: twice is better than never.
    async fn is_first(&self, alert: &Alert, key: &str, quiet: Duration) -> bool {
        if matches!(alert, Alert::LimitsUncounted) {
            return true;
        }
        let expires_at = self.clock.since_epoch().saturating_add(quiet).as_secs();
        let counter = Counter { key: format!("alert#{key}"), window: 0, expires_at };
        self.table.count(&counter, 1).await.unwrap_or(true)
    }
}

impl Bus {
    async fn put(&self, name: &str, detail: String) -> Result<(), BoxError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(SOURCE)
            .detail_type(name)
            .detail(detail)
            .build();
        let answer = Box::pin(self.client.put_events().entries(entry).send()).await?;
        match answer.entries().iter().find_map(|entry| entry.error_code()) {
            Some(code) => Err(format!("the bus refused it: {code}").into()),
            None => Ok(()),
        }
    }
}
