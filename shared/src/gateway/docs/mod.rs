//! `GET /openapi.json`, the description of the API, and `GET /docs`, a page to read it and try it out. Open to anyone: both say what stands in
//! this repository, and nothing about a deployment.

mod accounts;
mod audit;
mod budgets;
mod cache;
mod description;
mod errors;
mod file;
mod inference;
mod keys;
mod members;
mod open;
mod operation;
mod prices;
mod provider_keys;
mod tenant;
mod usage;
mod words;

use super::call::{Call, Reply};
use crate::error::GatewayError;
use file::File;
use http::StatusCode;
use std::sync::Arc;
use utoipa_swagger_ui::Config;

/// Answers a request.
///
/// # Errors
/// [`GatewayError`].
pub fn answer(call: &Call) -> Result<Reply, GatewayError> {
    match call.path.as_str() {
        "/openapi.json" => {
            let text = description::describe().to_json().map_err(|error| GatewayError::Internal(error.into()))?;
            Ok(File::json(text).reply(call))
        }
        "/docs" => Ok(File::page(include_str!("page.html")).reply(call)),
        // The page's own addresses are relative, so it is only whole without the slash.
        "/docs/" => Ok(Reply::redirect(StatusCode::PERMANENT_REDIRECT, "../docs")),
        path => asset(path)?.ok_or_else(|| GatewayError::NotFound("this path".into())).map(|file| file.reply(call)),
    }
}

/// What the page loads: our first lines, and Swagger UI's program and style, which are in a crate. Its own page has a script in it, which
/// the policy of ours forbids.
fn asset(path: &str) -> Result<Option<File>, GatewayError> {
    let name = path.strip_prefix("/docs/").unwrap_or_default();
    let content_type = match name {
        "start.js" => return Ok(Some(File::asset("text/javascript; charset=utf-8", include_str!("start.js")))),
        "swagger-ui-bundle.js" => "text/javascript; charset=utf-8",
        "swagger-ui.css" => "text/css; charset=utf-8",
        _ => return Ok(None),
    };
    let file = utoipa_swagger_ui::serve(name, Arc::new(Config::from("openapi.json")))
        .map_err(|error| GatewayError::Internal(error.to_string().into()))?;
    Ok(file.map(|file| File::asset(content_type, file.bytes.into_owned())))
}
