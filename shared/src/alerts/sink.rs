//! Where alerts are told: always in the log, and where one is configured on an EventBridge bus, from which the deployment's rules take them to a
//! topic or a webhook.

use super::{Alert, SOURCE};
use crate::{
    causes::{BoxError, chain},
    clock::Clock,
    config::AlertsConfig,
    limits::dynamo::{Table, Turn},
};
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// How many alerts one process remembers to have told.
const MAX_TOLD: usize = 10_000;
/// How long telling may take. What was not told until then, because a process ended or the bus did not take it, another tells.
const TURN: Duration = Duration::from_secs(60);

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
    source: String,
}

impl Alerts {
    /// Tells them on this bus, if there is one. The table remembers what other processes told.
    pub fn new(aws: &aws_config::SdkConfig, config: AlertsConfig, table: Arc<Table>, clock: Arc<dyn Clock>) -> Self {
        let source = config.source.unwrap_or_else(|| SOURCE.into());
        let bus = config.bus.map(|name| Bus { client: Client::new(aws), name, source });
        Self { bus, table, clock, told: Mutex::default() }
    }

    /// Tells one, unless it was told before. First it is told, then it is remembered: what a bus does not take, or a killed process leaves,
    /// is told by whoever comes upon it next.
    pub async fn tell(&self, alert: &Alert) {
        let (key, quiet) = alert.once(self.clock.now());
        if !self.is_new(&key) || !self.is_ours(alert, &key, quiet).await {
            return;
        }
        let detail = alert.detail();
        tracing::warn!(alert = alert.name(), %detail, "an alert");
        let told = match &self.bus {
            Some(bus) => bus.put(alert.name(), detail.to_string()).await,
            None => Ok(()),
        };
        let now = self.clock.since_epoch();
        let quiet_until = match told {
            Ok(()) => now.saturating_add(quiet),
            Err(error) => {
                tracing::error!(alert = alert.name(), %detail, error = %chain(&*error), "an alert was not told");
                now
            }
        };
        // A bus that is away is not asked again with each request.
        self.remember(&key, quiet_until.max(now.saturating_add(TURN)));
        self.end_turn(alert, &key, quiet_until).await;
    }

    /// Whether this process has not told it. Then it is about to: of two at once, one does.
    fn is_new(&self, key: &str) -> bool {
        let now = self.clock.since_epoch();
        if self.told().get(key).is_some_and(|until| *until > now) {
            return false;
        }
        self.remember(key, now.saturating_add(TURN));
        true
    }

    fn remember(&self, key: &str, until: Duration) {
        let now = self.clock.since_epoch();
        let mut told = self.told();
        if told.len() >= MAX_TOLD {
            told.retain(|_, until| *until > now);
        }
        if told.len() < MAX_TOLD || told.contains_key(key) {
            told.insert(key.to_owned(), until);
        }
    }

    fn told(&self) -> MutexGuard<'_, HashMap<String, Duration>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether no other process has told it or is about to. If nobody knows, it is told: twice is better than never.
    async fn is_ours(&self, alert: &Alert, key: &str, quiet: Duration) -> bool {
        if matches!(alert, Alert::LimitsUncounted) {
            return true;
        }
        let now = self.clock.since_epoch();
        let turn = self.table.take_turn(key, now, now.saturating_add(TURN), now.saturating_add(quiet)).await;
        match turn {
            Ok(Turn::NobodysUntil(until)) => {
                self.remember(key, until);
                false
            }
            Ok(Turn::Ours) | Err(_) => true,
        }
    }

    async fn end_turn(&self, alert: &Alert, key: &str, quiet_until: Duration) {
        if matches!(alert, Alert::LimitsUncounted) {
            return;
        }
        if let Err(error) = self.table.end_turn(key, quiet_until).await {
            // Then it is told once more by another process.
            tracing::warn!(alert = alert.name(), error = %chain(&*error), "it was not noted that an alert was told");
        }
    }
}

impl Bus {
    async fn put(&self, name: &str, detail: String) -> Result<(), BoxError> {
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.name)
            .source(&self.source)
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
