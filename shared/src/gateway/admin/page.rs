//! Lists in pages: `?limit=50&cursor=…` → `{"data": [...], "next_cursor": …}`.

use super::body::plain_text;
use crate::openai::Invalid;
use serde::Serialize;
use std::{borrow::Cow, fmt::Display, str::FromStr};

const DEFAULT_LIMIT: u32 = 50;
const MAX_LIMIT: u32 = 200;

/// The parameters behind a route's question mark.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

/// Which page is asked for.
pub(crate) struct Page<Id> {
    /// How many at most.
    pub(crate) limit: u32,
    /// The last one of the page before.
    pub(crate) after: Option<Id>,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(crate) struct List<T> {
    data: Vec<T>,
    /// What `cursor` must be for the next page; none on the last.
    next_cursor: Option<String>,
}

impl<'a> Query<'a> {
    /// Reads them.
    ///
    /// # Errors
    /// [`Invalid`] for a parameter that is none of these, or comes twice.
    pub(crate) fn read(query: &'a str, known: &[&str]) -> Result<Self, Invalid> {
        let pairs: Vec<_> = url::form_urlencoded::parse(query.as_bytes()).collect();
        for (i, (name, _)) in pairs.iter().enumerate() {
            if !known.contains(&&**name) {
                let known = if known.is_empty() { "none".to_owned() } else { format!("`{}`", known.join("`, `")) };
                // A message repeats what was sent, so it must be fit to be shown.
                let name: String = name.chars().filter(|c| !c.is_control()).take(64).collect();
                return Err(Invalid::value(name, format!("is not a parameter of this route, which takes {known}")));
            }
            if pairs.iter().take(i).any(|(other, _)| other == name) {
                return Err(Invalid::value(&**name, "is given twice"));
            }
        }
        Ok(Self(pairs))
    }

    /// For a route that takes none: one that is ignored could be taken for one that was heeded.
    ///
    /// # Errors
    /// [`Invalid`] that names the first.
    pub(crate) fn none(query: &'a str) -> Result<(), Invalid> {
        Self::read(query, &[]).map(drop)
    }

    /// One of them.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(one, _)| one == name).map(|(_, value)| &**value)
    }

    /// One that is a text of the caller's: it can be shown to people, and stored.
    ///
    /// # Errors
    /// [`Invalid`] for control and invisible characters, and more than `most` of them.
    pub(crate) fn text(&self, name: &str, most: usize) -> Result<Option<&str>, Invalid> {
        let text = self.get(name);
        match text.map(|text| plain_text(text, most)).transpose() {
            Ok(_) => Ok(text),
            Err(problem) => Err(Invalid::value(name, problem)),
        }
    }

    /// `limit` and `cursor`.
    ///
    /// # Errors
    /// [`Invalid`] when they are out of range, or none.
    pub(crate) fn page<Id: FromStr<Err: Display>>(&self) -> Result<Page<Id>, Invalid> {
        let limit = match self.get("limit") {
            None => DEFAULT_LIMIT,
            Some(text) => text
                .parse()
                .ok()
                .filter(|limit| (1..=MAX_LIMIT).contains(limit))
                .ok_or_else(|| Invalid::value("limit", format!("must be a whole number from 1 to {MAX_LIMIT}")))?,
        };
        let after = self.get("cursor").map(str::parse).transpose();
        let after = after.map_err(|_| Invalid::value("cursor", "must be a `next_cursor` of this list"))?;
        Ok(Page { limit, after })
    }
}

impl<Id> Page<Id> {
    /// How many rows to ask for: one more than is shown, to know whether there are more.
    pub(crate) fn rows(&self) -> i64 {
        i64::from(self.limit) + 1
    }

    /// The page of rows of which one more than the limit was asked for.
    pub(crate) fn list<R, T>(&self, rows: Vec<R>, id: impl Fn(&R) -> String, show: impl Fn(R) -> T) -> List<T> {
        let limit = usize::try_from(self.limit).unwrap_or(usize::MAX);
        let more = rows.len() > limit;
        let next_cursor = rows.get(limit.saturating_sub(1)).filter(|_| more).map(id);
        List { data: rows.into_iter().take(limit).map(show).collect(), next_cursor }
    }
}
