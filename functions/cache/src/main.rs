//! `/v1/cache`: what the cache brought, and what is in it.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{
        Office,
        cache::{self, CacheOffice},
    },
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let alerts = Arc::new(Office::alerts(&config, Arc::clone(&start.clock)).await?);
        let office = Office::new(config, Arc::clone(&start.clock), start.concurrency)?;
        let office = Arc::new(CacheOffice { office, alerts });
        let handler = move |call| {
            let office = Arc::clone(&office);
            async move { cache::answer(&office, call).await }
        };
        let methods = &[web::GET, web::POST, web::PATCH, web::DELETE];
        web::Function { name: "cache", methods, clock: start.clock, handler }.serve().await
    })
}
