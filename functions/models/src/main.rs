//! `GET /v1/models` and `/v1/models/{id}`.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::Config,
    gateway::{Gateway, models},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = Config::load(start.vars)?;
        let gateway = Arc::new(Gateway::new(config, Arc::clone(&start.clock), start.concurrency).await?);
        let handler = move |call| {
            let gateway = Arc::clone(&gateway);
            async move { models::read(&gateway, call).await }
        };
        web::Function { name: "models", methods: &[web::GET], clock: start.clock, handler }.serve().await
    })
}
