//! Words that are put in a person's mouth where a provider's rules leave no other way to keep a conversation whole.

/// Where a provider answers only a person and the conversation ends with the model's own words.
pub(crate) const CONTINUE: &str = "Continue.";

/// Where a provider wants a person to speak first and the model did.
pub(crate) const BEGIN: &str = "Begin.";
