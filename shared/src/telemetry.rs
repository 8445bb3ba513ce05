//! The log. Its fields are named here once and never hold a prompt, an answer or a key.

use crate::tenancy::RequestId;
use std::{io, str::FromStr as _};
use tracing::{Level, Span, field};
use tracing_subscriber::{filter::Targets, layer::SubscriberExt as _, util::SubscriberInitExt as _};

/// Sends the log to standard output as JSON, where Lambda picks it up. `level` is one of tracing's, `info` if it is none.
pub fn start(level: Option<&str>) {
    let level = level.and_then(|text| Level::from_str(text).ok()).unwrap_or(Level::INFO);
    let log = tracing_subscriber::fmt::layer()
        .json()
        .flatten_event(true)
        .with_current_span(true)
        .with_span_list(false)
        .with_ansi(false)
        .with_target(true)
        .with_writer(io::stdout);
    // A second subscriber is only ever set by a test, which then has its own.
    let _ = tracing_subscriber::registry().with(log).with(filter(level)).try_init();
}

/// Ours at the level asked for, everything else at the quieter of that and `info`: below it, `lambda_runtime` prints whole events,
/// keys and prompts among them, and no configuration may ask for that.
fn filter(level: Level) -> Targets {
    Targets::new().with_default(level.min(Level::INFO)).with_target("supergate", level)
}

/// The span of one request. Fields are filled as they become known: `tenant.id` by the story, once somebody is authenticated.
pub fn request_span(request: RequestId, function: &'static str) -> Span {
    tracing::info_span!("request", request.id = %request, function, tenant.id = field::Empty)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tracing_subscriber::layer::Filter;

    #[test]
    fn no_level_makes_the_runtime_print_its_events() {
        let filter = filter(Level::TRACE);
        assert_eq!(
            Filter::<tracing_subscriber::Registry>::max_level_hint(&filter),
            Some(tracing::level_filters::LevelFilter::TRACE)
        );
        assert!(!filter.would_enable("lambda_runtime::layers::api_response", &Level::TRACE));
        assert!(!filter.would_enable("hyper::proto", &Level::DEBUG));
        assert!(filter.would_enable("supergate::web", &Level::TRACE));
    }
}
