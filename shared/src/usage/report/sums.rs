//! Sums, and by what they are broken down.

use crate::{
    tenancy::{
        KeyId, PersonId,
        standing::{UnknownWord, words},
    },
    usage::Nanos,
};
use std::str::FromStr;

/// What requests have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dimension {
    /// The provider's model.
    Model,
    /// The provider.
    Provider,
    /// The API key.
    Key,
    /// The person on whom it is booked.
    Member,
    /// A tag, of the key or the request. A request with several is in the sums of each.
    Tag,
    /// Whom the caller served, by its own word.
    EndUser,
}

words!(Dimension: Model = "model", Provider = "provider", Key = "key", Member = "member", Tag = "tag", EndUser = "end_user");

/// One or two of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping(Vec<Dimension>);

/// What the rows of a group add up to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sums {
    /// Rows of the ledger.
    pub attempts: i64,
    /// First attempts: one of each request.
    pub requests: i64,
    /// Attempts that the caller got an error for, or half an answer.
    pub errors: i64,
    /// Whole prompts.
    pub input_tokens: i64,
    /// Whole answers.
    pub output_tokens: i64,
    /// Of the prompts, what a provider read from its cache.
    pub cached_input_tokens: i64,
    /// Of the prompts, what a provider wrote to its cache.
    pub cache_write_tokens: i64,
    /// Of the answers, what was thought and not said.
    pub reasoning_tokens: i64,
    /// What it cost.
    pub cost: Nanos,
    /// Answers from our own cache.
    pub cache_hits: i64,
    /// What those would have cost.
    pub saved: Nanos,
}

/// A group, and what it adds up to. What it is not grouped by is none; so is a key where a person called without one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Group {
    /// The provider's id.
    pub provider: Option<String>,
    /// The provider's model.
    pub model: Option<String>,
    /// The key.
    pub key: Option<KeyId>,
    /// The person.
    pub member: Option<PersonId>,
    /// The tag.
    pub tag: Option<String>,
    /// The end user.
    pub end_user: Option<String>,
    /// Which step of the window, from 1; 0 where steps were not asked for.
    pub step: i32,
    /// What it adds up to.
    pub sums: Sums,
}

impl Grouping {
    /// Not by anything: one sum.
    pub fn none() -> Self {
        Self(Vec::new())
    }

    /// Reads one, or two with a comma between.
    ///
    /// # Errors
    /// What is wrong with it, for a person.
    pub fn parse(text: &str) -> Result<Self, String> {
        let all = text.split(',').map(str::parse).collect::<Result<Vec<Dimension>, UnknownWord>>();
        let all = all.map_err(|unknown| format!("{unknown}, or two of them with a comma between"))?;
        match all[..] {
            [_] => Ok(Self(all)),
            [first, second] if first != second => Ok(Self(all)),
            [_, _] => Err("names the same twice".to_owned()),
            _ => Err("must be one or two".to_owned()),
        }
    }

    /// In the order in which they were named.
    pub fn dimensions(&self) -> &[Dimension] {
        &self.0
    }

    /// Whether it is among them.
    pub fn has(&self, dimension: Dimension) -> bool {
        self.0.contains(&dimension)
    }

    /// Which of the hourly sums answer it; none of them know tags and end users together. An hour's end users are more than have sums of
    /// their own: the others have one together.
    pub fn kinds(&self) -> &'static [&'static str] {
        match (self.has(Dimension::Tag), self.has(Dimension::EndUser)) {
            (false, false) => &["all"],
            (true, false) => &["tag"],
            (false, true) => &["end_user", "end_users"],
            (true, true) => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_breakdown_is_by_one_or_two() {
        #[rustfmt::skip]
        let table = [
            ("model",            Some(1), "one"),
            ("model,key",        Some(2), "two"),
            ("tag,end_user",     Some(2), "two that have no sums in common"),
            ("model,model",      None,    "twice the same says nothing"),
            ("model,key,member", None,    "three"),
            ("colour",           None,    "nothing that is known"),
            ("model, key",       None,    "a blank is part of no word"),
            ("",                 None,    "nothing"),
        ];
        for (text, expected, why) in table {
            assert_eq!(Grouping::parse(text).ok().map(|by| by.dimensions().len()), expected, "{text}: {why}");
        }
    }
}
