//! `GET /openapi.json` and `GET /docs`.

use std::process::ExitCode;
use supergate::{gateway::docs, web};

fn main() -> ExitCode {
    web::start(|start| async move {
        let handler = |call| async move { docs::answer(&call) };
        web::Function { name: "docs", methods: &[web::GET, web::HEAD], clock: start.clock, handler }.serve().await
    })
}
