//! After the response: what similar prompts would have got is compared with what the provider said, and its answer is kept.

use super::{Question, Semantic};
use crate::{
    alerts::Alert,
    cache::{
        answer::StoredAnswer,
        compare::Comparison,
        store::{Hit, NewEntry},
        trust::Change,
    },
    causes,
    db::cache_trials::{self, Kind, Trial},
    usage::Nanos,
};
use uuid::{NoContext, Timestamp, Uuid};

impl Question {
    /// Compares and keeps a good answer. For after the response, and after its row in the ledger.
    pub(in crate::gateway) async fn take(mut self, answer: StoredAnswer, cost: Nanos) {
        self.compare(&answer).await;
        if !self.plan.write {
            return;
        }
        let Some(address) = self.address else { return };
        if self.may_be_similar && self.vector.is_none() {
            self.vector = self.vector_of_prompt().await;
        }
        let entry = NewEntry {
            address,
            part: self.part.take(),
            provider: self.provider.to_owned(),
            model: self.model.clone(),
            prompt: self.prompt.take().unwrap_or_default(),
            vector: self.vector.take().filter(|_| self.may_be_similar),
            answer,
            cost_nanos: cost.0,
            keep: self.keep_for(),
            most_bytes: self.most_bytes,
        };
        if let Err(error) = self.cache.store.insert(entry).await {
            tracing::warn!(error = %causes::chain(&error), "an answer was not cached");
        }
    }

    async fn vector_of_prompt(&self) -> Option<crate::cache::embed::Embedding> {
        self.vector_of(self.prompt.as_deref()?).await
    }

    /// In shadow every request has its comparison, while tier 2 serves one hit in twenty.
    async fn compare(&mut self, given: &StoredAnswer) {
        let (hit, kind) = match self.audited.take() {
            Some(hit) => (hit, Kind::Audit),
            None if self.plan.semantic == Semantic::Shadow => match self.find_similar().await {
                Some(hit) => (hit, Kind::Shadow),
                None => return,
            },
            None => return,
        };
        let comparison = Comparison::of(hit.answer.text(), given.text(), self.similarity(&hit, given).await);
        let now = self.clock.since_epoch();
        let trial = Trial {
            id: Uuid::new_v7(Timestamp::from_unix(NoContext, now.as_secs(), now.subsec_nanos())),
            entry: hit.id,
            kind,
            wrong: comparison.is_wrong(),
            reasons: comparison.reasons,
            similarity: hit.cosine,
            at: self.clock.now(),
        };
        self.note(&trial).await;
    }

    /// Of the two answers.
    async fn similarity(&self, hit: &Hit, given: &StoredAnswer) -> Option<f32> {
        let stored = self.cache.vector(hit.answer.text()).await?;
        Some(stored.cosine(&self.cache.vector(given.text()).await?))
    }

    async fn note(&self, trial: &Trial) {
        let Some(tenant) = self.address.map(|address| address.tenant) else { return };
        match cache_trials::record(&self.db, tenant, trial, self.settings.error_limit).await {
            Ok((_, Some(change))) => {
                let serves = change == Change::Promoted;
                tracing::info!(tenant.id = %tenant, serves, "similar prompts are answered, or not any more");
                self.alerts.tell(&Alert::CacheTrust { tenant, serves, at: trial.at }).await;
            }
            Ok((_, None)) => {}
            Err(error) => tracing::warn!(error = %causes::chain(&error), "a comparison was not noted"),
        }
    }
}
