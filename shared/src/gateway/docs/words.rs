//! The closed sets of words, as schemas, from where the code has them.

use crate::{
    limits::policy::Period,
    providers,
    tenancy::{Role, Status, Tier},
};
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{ObjectBuilder, RefOr, Schema, Type},
};

/// The id of a provider.
pub(super) struct Provider;

fn one_of(description: &str, words: impl Iterator<Item = &'static str>) -> RefOr<Schema> {
    let object = ObjectBuilder::new().schema_type(Type::String).description(Some(description));
    object.enum_values(Some(words)).build().into()
}

impl PartialSchema for Provider {
    fn schema() -> RefOr<Schema> {
        one_of("A provider of models.", providers::ALL.iter().map(|provider| provider.id()))
    }
}

impl PartialSchema for Role {
    fn schema() -> RefOr<Schema> {
        let text = "What a key or a member may do. `operator` exists only in the platform's own tenant.";
        one_of(text, Self::ALL.iter().map(|role| role.as_str()))
    }
}

impl PartialSchema for Tier {
    fn schema() -> RefOr<Schema> {
        let text = "`enterprise-independent` is never served with the platform's provider keys.";
        one_of(text, Self::ALL.iter().map(|tier| tier.as_str()))
    }
}

impl PartialSchema for Status {
    fn schema() -> RefOr<Schema> {
        one_of("Whether a tenant is served.", Self::ALL.iter().map(|status| status.as_str()))
    }
}

impl PartialSchema for Period {
    fn schema() -> RefOr<Schema> {
        let text = "A stretch of the calendar in UTC; a week begins on Monday, and `total` never ends.";
        one_of(text, Self::ALL.iter().map(|period| period.as_str()))
    }
}

impl ToSchema for Period {}
impl ToSchema for Provider {}
impl ToSchema for Role {}
impl ToSchema for Tier {}
impl ToSchema for Status {}
