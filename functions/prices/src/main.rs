//! `/v1/prices`: what models cost.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{Office, prices},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let office = Arc::new(Office::new(config, Arc::clone(&start.clock), start.concurrency)?);
        let handler = move |call| {
            let office = Arc::clone(&office);
            async move { prices::answer(&office, call).await }
        };
        let methods = &[web::GET, web::POST, web::DELETE];
        web::Function { name: "prices", methods, clock: start.clock, handler }.serve().await
    })
}
