//! Seals stored provider keys anew. Invoked on a schedule, and by hand.

use std::{process::ExitCode, sync::Arc};
use supergate::{config::RotationConfig, gateway::admin::rotation::Rotation, web};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = RotationConfig::load(start.vars)?;
        let rotation = Arc::new(Rotation::new(config, start.clock).await?);
        web::serve_commands(move |command, deadline| {
            let rotation = Arc::clone(&rotation);
            async move { rotation.run(command, deadline).await }
        })
        .await
    })
}
