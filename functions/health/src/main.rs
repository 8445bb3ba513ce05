//! `GET /health`.

use std::{process::ExitCode, sync::Arc};
use supergate::{config::HealthConfig, gateway::health::Health, web};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = HealthConfig::load(start.vars)?;
        let health = Arc::new(Health::new(config, Arc::clone(&start.clock)).await?);
        let handler = move |call| {
            let health = Arc::clone(&health);
            async move { health.report(call).await }
        };
        web::Function { name: "health", methods: &[web::GET], clock: start.clock, handler }.serve().await
    })
}
