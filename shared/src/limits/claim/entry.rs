//! What stays in an item for each running request.

use crate::tenancy::RequestId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many entries an item has.
pub const IN_FLIGHT: &str = "f";
/// How many bytes they take.
pub const BYTES: &str = "g";
/// How many they may take: DynamoDB takes no item of more than 400 KB, and counters need some.
pub const MOST_BYTES: i64 = 200_000;
/// What an entry takes beside its text: its name, and its size itself.
const BYTES_BESIDE: usize = 45;

/// What a request has of an item until it is settled: enough to settle it without whoever reserved.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Entry {
    /// When it cannot be running any more, in seconds since 1970.
    #[serde(rename = "d")]
    pub deadline: u64,
    /// Nano-dollars.
    #[serde(rename = "n")]
    pub cost: i64,
    /// Tokens.
    #[serde(rename = "k")]
    pub tokens: i64,
    /// The attributes of which it has one.
    #[serde(rename = "r", default, skip_serializing_if = "Vec::is_empty")]
    pub ones: Vec<String>,
    /// The attributes of which it has its tokens.
    #[serde(rename = "t", default, skip_serializing_if = "Vec::is_empty")]
    pub windows: Vec<String>,
    /// The attributes of which it has its cost.
    #[serde(rename = "c", default, skip_serializing_if = "Vec::is_empty")]
    pub budgets: Vec<String>,
    /// Whether the key's item has an entry too.
    #[serde(rename = "b", default, skip_serializing_if = "std::ops::Not::not")]
    pub both: bool,
    /// In which slice of the other item, the key's or the tenant's, its other entry is.
    #[serde(rename = "s", default, skip_serializing_if = "is_first")]
    pub other: u16,
    /// How many bytes it takes of the item; none: nobody counted.
    #[serde(rename = "w", default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u32>,
    /// What the caller of this wanted to be kept.
    #[serde(rename = "o", default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Entry {
    /// Notes how many bytes it takes.
    pub(super) fn weigh(&mut self) {
        let text = serde_json::to_string(self).map_or(0, |text| text.len());
        self.bytes = u32::try_from(text + BYTES_BESIDE).ok();
    }
}

/// The attribute of a request's entry.
pub fn entry_attribute(request: RequestId) -> String {
    format!("p{}", request.as_uuid().simple())
}

/// Whose entry an attribute is.
pub fn entry_request(attribute: &str) -> Option<RequestId> {
    let text = attribute.strip_prefix('p').filter(|text| text.len() == 32)?;
    Uuid::try_parse(text).ok().map(RequestId::from_uuid)
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_first(slice: &u16) -> bool {
    *slice == 0
}
