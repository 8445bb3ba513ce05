//! `/v1/tenant/keys`: the providers' keys that a tenant brings.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{Office, credentials},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let master_key = Arc::new(Office::master_key(&config).await?);
        let office = Arc::new(Office::new(config, Arc::clone(&start.clock), start.concurrency)?);
        let handler = move |call| {
            let (office, master_key) = (Arc::clone(&office), Arc::clone(&master_key));
            async move { credentials::answer(&office, &master_key, call).await }
        };
        let methods = &[web::GET, web::POST, web::PUT, web::DELETE];
        web::Function { name: "provider-keys", methods, clock: start.clock, handler }.serve().await
    })
}
