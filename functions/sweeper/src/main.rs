//! Finishes what was interrupted: reservations, waiting rows of the ledger, what has expired. Invoked on a schedule, and by hand.

use std::{process::ExitCode, sync::Arc};
use supergate::{config::SweeperConfig, gateway::sweeper::Sweeper, web};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = SweeperConfig::load(start.vars)?;
        let sweeper = Arc::new(Sweeper::new(config, start.clock).await?);
        web::serve_commands(move |command, deadline| {
            let sweeper = Arc::clone(&sweeper);
            async move { sweeper.run(command, deadline).await }
        })
        .await
    })
}
