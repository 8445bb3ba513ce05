//! `POST /v1/chat/completions`.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    cache::embed::MiniLm,
    config::Config,
    gateway::{Gateway, chat},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = Config::load(start.vars)?;
        let gateway = Gateway::new(config, Arc::clone(&start.clock), start.concurrency).await?;
        let gateway = Arc::new(gateway.embedding_with(MiniLm::make));
        let handler = move |call| {
            let gateway = Arc::clone(&gateway);
            async move { chat::complete(&gateway, call).await }
        };
        let function = web::Function { name: "chat-completions", methods: &[web::POST], clock: start.clock, handler };
        function.serve_streaming(&start.runtime_api).await
    })
}
