//! `POST /v1/embeddings`.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::Config,
    gateway::{Gateway, embeddings},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = Config::load(start.vars)?;
        let gateway = Arc::new(Gateway::new(config, Arc::clone(&start.clock), start.concurrency).await?);
        let handler = move |call| {
            let gateway = Arc::clone(&gateway);
            async move { embeddings::embed(&gateway, call).await }
        };
        let function = web::Function { name: "embeddings", methods: &[web::POST], clock: start.clock, handler };
        function.serve_streaming(&start.runtime_api).await
    })
}
