//! `GET /v1/usage/export?format=csv|focus`: every row of a time, as a file. It is sent page by page, and the next page is read when the one
//! before was taken: memory does not grow with the file.

use super::asked::{self, Asked};
use crate::{
    clock::Clock,
    db::{Database, tenants, usage_hours::Only, usage_log},
    error::GatewayError,
    gateway::{
        admin::{office::Office, shown},
        call::{Call, Reply},
        relay,
    },
    openai::Invalid,
    tenancy::TenantId,
    usage::report::{Entry, Sheet, Titles, Window},
};
use bytes::Bytes;
use futures_util::stream;
use std::{sync::Arc, time::Duration};

/// Rows of a page: half a megabyte of text.
const PAGE: i64 = 2000;
/// How often a page is asked for before the file ends without it. A page is a statement of its own, so a second try loses nothing.
const TRIES: usize = 3;

/// What is left of a file.
struct Export {
    db: Database,
    clock: Arc<dyn Clock>,
    tenant: TenantId,
    window: Window,
    only: Only,
    sheet: Sheet,
    titles: Titles,
    /// When the function is stopped.
    deadline: Option<Duration>,
    /// The page that was read last, if it is not sent yet.
    page: Vec<Entry>,
    next: Next,
}

enum Next {
    /// The line of titles, and the first page.
    Head,
    /// The page behind this row.
    Behind((crate::tenancy::RequestId, i16)),
    /// Nothing.
    End,
}

/// `?format=csv|focus&from=&to=&time_zone=`. The file begins when its first page was read: until then an error is an error.
pub(super) async fn stream(office: &Office, call: &Call) -> Result<Reply, GatewayError> {
    let known = ["format", "from", "to", "time_zone", "tenant_id"];
    let Asked { act, query, only } = asked::admit(office, call, &known).await?;
    let sheet: Sheet =
        query.get("format").unwrap_or("csv").parse().map_err(|unknown| Invalid::value("format", unknown))?;
    let tx = office.begin(&act).await?;
    let window = asked::time(&tx, &query, act.at, None).await?.window;
    let tenant = tenants::read(&tx).await?.ok_or_else(shown::not_found)?;
    tx.commit().await?;

    let page = usage_log::on(&office.db, act.tenant(), &window, None, only, PAGE).await?;
    let export = Export {
        db: office.db.clone(),
        clock: Arc::clone(&office.clock),
        tenant: act.tenant(),
        window,
        only,
        sheet,
        titles: Titles { tenant: act.tenant().to_string(), tenant_name: tenant.name },
        deadline: call.deadline,
        page,
        next: Next::Head,
    };
    let name = format!("usage-{}-{}.csv", window.from.date(), sheet.as_str());
    Ok(Reply::file("text/csv; charset=utf-8", &name, stream::unfold(export, Export::next)))
}

impl Export {
    async fn next(mut self) -> Option<(Bytes, Self)> {
        // A page may have nothing for this sheet, and an empty piece would end the body.
        loop {
            let mut text = String::new();
            match self.next {
                Next::End => return None,
                Next::Head => text = self.sheet.head(),
                Next::Behind(place) => match self.read(place).await {
                    Ok(page) => self.page = page,
                    Err(why) => {
                        self.next = Next::End;
                        return Some((incomplete(why), self));
                    }
                },
            }
            for entry in &self.page {
                self.sheet.write(&self.titles, entry, &mut text);
            }
            let full = self.page.len() == usize::try_from(PAGE).unwrap_or(usize::MAX);
            self.next = match self.page.last() {
                Some(last) if full => Next::Behind((last.request, last.attempt)),
                _ => Next::End,
            };
            self.page = Vec::new();
            if !text.is_empty() {
                return Some((Bytes::from(text), self));
            }
        }
    }

    async fn read(&self, behind: (crate::tenancy::RequestId, i16)) -> Result<Vec<Entry>, &'static str> {
        for _ in 0..TRIES {
            if relay::time_left(&*self.clock, self.deadline).is_zero() {
                return Err("the gateway's time for one request ran out");
            }
            match usage_log::on(&self.db, self.tenant, &self.window, Some(behind), self.only, PAGE).await {
                Ok(page) => return Ok(page),
                Err(error) => tracing::warn!(error = %crate::causes::chain(&error), "a page of an export was not read"),
            }
        }
        Err("the ledger cannot be read right now")
    }
}

/// The last line of a file that is not whole. It has one cell where a row has dozens: what reads the file notices.
fn incomplete(why: &str) -> Bytes {
    Bytes::from(format!(
        "\"THIS FILE IS INCOMPLETE: {why}. Ask for the rest with `from` set to the time of the row above, and drop the rows of that time here.\"\r\n"
    ))
}
