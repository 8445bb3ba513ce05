//! `/v1/keys`: API keys.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{Office, keys},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let office = Arc::new(Office::new(config, Arc::clone(&start.clock), start.concurrency)?);
        let handler = move |call| {
            let office = Arc::clone(&office);
            async move { keys::answer(&office, call).await }
        };
        let methods = &[web::GET, web::POST, web::PATCH, web::DELETE];
        web::Function { name: "keys", methods, clock: start.clock, handler }.serve().await
    })
}
