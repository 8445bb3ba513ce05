//! `/v1/budgets` and `/v1/limits`: what may be spent and asked for.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::OfficeConfig,
    gateway::admin::{
        Office,
        budgets::{self, Budgets},
    },
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = OfficeConfig::load(start.vars)?;
        let reservations = Office::reservations(&config).await?;
        let office = Office::new(config, Arc::clone(&start.clock), start.concurrency)?;
        let function = Arc::new(Budgets { office, reservations });
        let handler = move |call| {
            let function = Arc::clone(&function);
            async move { budgets::answer(&function, call).await }
        };
        let methods = &[web::GET, web::POST, web::PUT, web::PATCH, web::DELETE];
        web::Function { name: "budgets", methods, clock: start.clock, handler }.serve().await
    })
}
