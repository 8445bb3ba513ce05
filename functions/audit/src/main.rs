//! `GET /v1/audit`: what was done.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{Office, audit},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let office = Arc::new(Office::new(config, Arc::clone(&start.clock), start.concurrency)?);
        let handler = move |call| {
            let office = Arc::clone(&office);
            async move { audit::answer(&office, call).await }
        };
        let methods = &[web::GET];
        web::Function { name: "audit", methods, clock: start.clock, handler }.serve().await
    })
}
