//! What is set down of a request before a provider is asked: enough for its row, should the function end without a word.

use super::{Nanos, UsageRow, event::UsageEvent};
use crate::tenancy::{KeyId, RequestId, TenantId};
use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use uuid::Uuid;

/// How many bytes of the item a note's end user may take. A row that is written by the request itself has all of it.
const MAX_END_USER_BYTES: usize = 256;

/// The beginning of a row. Its text is kept beside the reservation, and short: every byte of it is written with each request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    #[serde(rename = "k", default, skip_serializing_if = "Option::is_none")]
    key: Option<Uuid>,
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    person: Option<Uuid>,
    #[serde(rename = "m", default, skip_serializing_if = "Option::is_none")]
    member: Option<Uuid>,
    #[serde(rename = "v")]
    provider: String,
    #[serde(rename = "c")]
    model: String,
    #[serde(rename = "r")]
    model_requested: String,
    #[serde(rename = "s", default, skip_serializing_if = "is_false")]
    streamed: bool,
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    tags: Vec<String>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    end_user: Option<String>,
    #[serde(rename = "x", default, skip_serializing_if = "Option::is_none")]
    price_version: Option<String>,
}

/// A note that this version cannot read.
#[derive(Debug, thiserror::Error)]
#[error("a note that cannot be read")]
pub struct Unreadable(#[source] serde_json::Error);

impl Note {
    /// Of an event, as it stands before it has happened.
    pub fn of(event: &UsageEvent) -> Self {
        let row = UsageRow::from(event);
        Self {
            key: row.key_id,
            person: row.person_id,
            member: row.member_id,
            provider: row.provider,
            model: row.model,
            model_requested: row.model_requested,
            streamed: row.streamed,
            tags: row.tags,
            end_user: row.end_user.map(shortened),
            price_version: row.price_version,
        }
    }

    /// With which key the request came.
    pub fn key(&self) -> Option<KeyId> {
        self.key.map(KeyId::from_uuid)
    }

    /// As it is kept.
    pub fn to_text(&self) -> String {
        // A struct of texts has no form that JSON lacks.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// From how it was kept.
    ///
    /// # Errors
    /// `Unreadable`: it is another version's, or was changed.
    pub fn read(text: &str) -> Result<Self, Unreadable> {
        serde_json::from_str(text).map_err(Unreadable)
    }

    /// The row of a request that nothing is known of but this, and what was set aside for it: that is what it costs.
    pub fn lost_row(self, tenant: TenantId, request: RequestId, reserved: Nanos) -> UsageRow {
        UsageRow {
            tenant_id: *tenant.as_uuid(),
            request_id: *request.as_uuid(),
            attempt: 1,
            created_at: made_at(request),
            key_id: self.key,
            person_id: self.person,
            member_id: self.member,
            tags: self.tags,
            end_user: self.end_user,
            provider: self.provider,
            model_requested: self.model_requested,
            model: self.model,
            model_served: None,
            streamed: self.streamed,
            // What API Gateway says of a function that ended without a word.
            status: 502,
            error_code: None,
            ended: "lost".into(),
            input_tokens: 0,
            output_tokens: 0,
            cached_input_tokens: None,
            cache_write_tokens: None,
            reasoning_tokens: None,
            audio_input_tokens: None,
            audio_output_tokens: None,
            web_searches: None,
            service_tier: None,
            usage_source: "reserved".into(),
            cost_nanos: reserved.0,
            price_version: self.price_version,
            cache: None,
            saved_nanos: 0,
            saved_ms: None,
            first_token_ms: None,
            latency_ms: 0,
        }
    }
}

/// When a request came: its id says so, to the millisecond.
fn made_at(request: RequestId) -> OffsetDateTime {
    let (seconds, nanos) = request.as_uuid().get_timestamp().map_or((0, 0), |at| at.to_unix());
    let seconds = i64::try_from(seconds).unwrap_or_default();
    let second = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    second + std::time::Duration::from_nanos(nanos.into())
}

/// As much of a caller's text as takes no more than its share of the item, which all running requests of a tenant have together. A note
/// is JSON within JSON, so that what is escaped there is escaped twice.
fn shortened(mut text: String) -> String {
    let mut bytes = 0;
    let end = text.char_indices().find_map(|(at, one)| {
        bytes += match one {
            '"' | '\\' => 4,
            one if one.is_control() => 7,
            one => one.len_utf8(),
        };
        (bytes > MAX_END_USER_BYTES).then_some(at)
    });
    text.truncate(end.unwrap_or(text.len()));
    text
}

fn is_false(value: &bool) -> bool {
    !value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::usage::row;
    use std::time::Duration;

    #[test]
    fn a_note_is_short_and_comes_back_as_it_was() {
        let event = row::tests::event();
        let note = Note::of(&event);
        let text = note.to_text();
        assert!(text.len() < 200, "{text}");
        assert_eq!(Note::read(&text).expect("a note"), note);
    }

    #[test]
    fn a_note_is_short_whatever_the_end_user_is_called() {
        #[rustfmt::skip]
        let table = [
            ("user-1".to_owned(),  6,    "a name"),
            ("a".repeat(256),      256,  "the longest of plain letters"),
            ("é".repeat(256),      128,  "two bytes each"),
            ("\u{1}".repeat(256),  36,   "seven bytes each once they are escaped twice"),
            ("\"".repeat(256),     64,   "four"),
        ];
        for (end_user, chars, why) in table {
            let event = UsageEvent { end_user: Some(end_user.clone()), ..row::tests::event() };
            let kept = Note::of(&event).end_user.expect("an end user");
            assert_eq!(kept.chars().count(), chars, "{why}");
            assert!(end_user.starts_with(&kept), "{why}");
            let twice = serde_json::to_string(&serde_json::to_string(&kept).expect("JSON")).expect("JSON");
            assert!(twice.len() <= MAX_END_USER_BYTES + 6, "{why}: {twice}");
        }
    }

    #[test]
    fn a_lost_request_costs_what_was_set_aside_and_is_booked_as_it_would_have_been() {
        let event = row::tests::event();
        let lost = Note::of(&event).lost_row(event.tenant, event.request, Nanos(7));
        let known = UsageRow::from(&event);
        assert_eq!(
            (lost.cost(), lost.tenant(), lost.request(), lost.attempt()),
            (Nanos(7), event.tenant, event.request, 1)
        );
        assert_eq!(
            (lost.key_id, &lost.tags, &lost.model, lost.created_at),
            (known.key_id, &known.tags, &known.model, event.created_at)
        );
        assert_eq!(
            made_at(RequestId::generate(Duration::from_millis(1_500))),
            OffsetDateTime::UNIX_EPOCH + Duration::from_millis(1_500)
        );
    }
}
