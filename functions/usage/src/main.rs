//! `GET /v1/usage` and below: what was used, by whom, and what it cost. It streams, because an export is as long as the ledger.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{Office, usage},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let office = Arc::new(Office::new(config, Arc::clone(&start.clock), start.concurrency)?);
        let handler = move |call| {
            let office = Arc::clone(&office);
            async move { usage::answer(&office, call).await }
        };
        let function = web::Function { name: "usage", methods: &[web::GET], clock: start.clock, handler };
        function.serve_streaming(&start.runtime_api).await
    })
}
