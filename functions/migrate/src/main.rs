//! Brings the schema up to date; makes a deployment's first tenant. Invoked by hand.

use std::{process::ExitCode, sync::Arc};
use supergate::{config::MigrateConfig, gateway::admin::migrate::Migrator, web};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = MigrateConfig::load(start.vars)?;
        let migrator = Arc::new(Migrator::new(config, start.clock)?);
        web::serve_commands(move |command, _| {
            let migrator = Arc::clone(&migrator);
            async move { migrator.run(command).await }
        })
        .await
    })
}
