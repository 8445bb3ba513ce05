//! `/v1/auth/…`: people's accounts and sessions.

use std::{process::ExitCode, sync::Arc};
use supergate::{
    config::PeopleConfig,
    gateway::people::{self, People},
    web,
};

fn main() -> ExitCode {
    web::start(|start| async move {
        let config = PeopleConfig::load(start.vars)?;
        let people = Arc::new(People::new(config, Arc::clone(&start.clock), start.concurrency).await?);
        let handler = move |call| {
            let people = Arc::clone(&people);
            async move { people::answer(&people, call).await }
        };
        let methods = &[web::GET, web::POST, web::PATCH];
        web::Function { name: "auth", methods, clock: start.clock, handler }.serve().await
    })
}
