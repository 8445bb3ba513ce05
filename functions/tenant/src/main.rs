//! `/v1/tenant` and `/v1/tenant/members`: the tenant, its settings, who belongs to it.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{Office, tenant},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let office = Arc::new(Office::new(config, Arc::clone(&start.clock), start.concurrency)?);
        let handler = move |call| {
            let office = Arc::clone(&office);
            async move { tenant::answer(&office, call).await }
        };
        let methods = &[web::GET, web::POST, web::PATCH, web::DELETE];
        web::Function { name: "tenant", methods, clock: start.clock, handler }.serve().await
    })
}
