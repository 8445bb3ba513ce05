//! What the tests of limits have in common.

use super::{Ask, Policy, Worst};
use crate::{
    tenancy::{RequestId, TenantId},
    usage::Nanos,
};
use std::time::Duration;
use time::{OffsetDateTime, macros::datetime};

/// When their requests are made.
pub(super) const NOW: OffsetDateTime = datetime!(2026-11-22 12:00 UTC);

/// A request without a key, of 30 tokens and 40 nano-dollars at most.
pub(super) fn ask(policy: &Policy) -> Ask<'_> {
    Ask {
        tenant: TenantId::generate(Duration::from_secs(1)),
        key: None,
        policy,
        model: "a/b",
        tags: &[],
        request: RequestId::generate(Duration::from_secs(1)),
        worst: Worst { tokens: 30, is_bounded: true, cost: Some(Nanos(40)) },
        deadline: 0,
        note: None,
    }
}
