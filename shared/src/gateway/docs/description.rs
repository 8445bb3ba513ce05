//! The whole description: every operation under its tag, and what they share.

use super::{
    accounts, audit, budgets, cache, errors, inference, keys, members, open,
    operation::{BEARER, COOKIE, Operation, component},
    prices, provider_keys, tenant, usage,
};
use utoipa::openapi::{
    ComponentsBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathsBuilder, Type,
    header::HeaderBuilder,
    security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme},
    server::ServerBuilder,
    tag::TagBuilder,
};

const ABOUT: &str = "\
One API in front of several providers of models. Requests and answers are OpenAI's; what goes beyond them is named where it occurs.

Send `Authorization: Bearer <API key, or a person's access token>`. Bodies are JSON, lists are `{\"data\": [...], \"next_cursor\": null}`, times are RFC 3339, money is US \
dollars. An unknown field of an administrative body is refused by name. What belongs to another tenant is a 404, as what does not exist. \
A revoked key works for up to 30 seconds more.";

const BEARER_FORMS: &str = "An API key, `sg_live_…`, or a person's access token.";
const SESSION: &str = "A person's refresh token, as a sign-in sets it.";

/// A tag, what it is about, its operations.
type Chapter = (&'static str, &'static str, fn() -> Vec<Operation>);

const CHAPTERS: &[Chapter] = &[
    ("inference", "Models: which there are, and asking them.", inference::operations),
    ("keys", "API keys: shown once, kept as a hash.", keys::operations),
    ("tenant", "The tenant itself: settings, tier, and its end.", tenant::operations),
    ("members", "Who belongs to the tenant, and who is invited.", members::operations),
    (
        "provider keys",
        "The providers' keys that a tenant brings: they go in and never come out.",
        provider_keys::operations,
    ),
    ("budgets", "What may be spent, and how much may be asked for at a time.", budgets::operations),
    ("prices", "What models cost, where it is not what the lists say.", prices::operations),
    ("cache", "What the gateway's own cache brought, how often it was wrong, and what is in it.", cache::operations),
    ("accounts", "People: accounts, sessions, and which of their tenants they act for.", accounts::operations),
    ("usage", "What was used, by whom, and what it cost.", usage::operations),
    ("audit", "What was done, by whom, from where.", audit::operations),
    ("open", "What anyone may ask.", open::operations),
];

/// Writes it.
pub(super) fn describe() -> OpenApi {
    let text = || ObjectBuilder::new().schema_type(Type::String);
    let request_id = HeaderBuilder::new()
        .schema(Some(text()))
        .description(Some("The request's id, also the log's and the ledger's."));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(BEARER_FORMS)).build();
    let session = ApiKeyValue::with_description("supergate_refresh", SESSION);
    let mut shared = Vec::new();
    component::<errors::Error>(&mut shared);
    let mut components = ComponentsBuilder::new()
        .security_scheme(BEARER, SecurityScheme::Http(bearer))
        .security_scheme(COOKIE, SecurityScheme::ApiKey(ApiKey::Cookie(session)))
        .header("x-request-id", request_id.build())
        .schemas_from_iter(shared);
    for (name, response) in errors::responses() {
        components = components.response(name, response);
    }
    let mut paths = PathsBuilder::new().build();
    for (tag, _, operations) in CHAPTERS {
        for mut operation in operations() {
            components = components.schemas_from_iter(std::mem::take(&mut operation.schemas));
            let (path, method) = (operation.path, operation.method.clone());
            paths.add_path_operation(path, vec![method], operation.describe(tag));
        }
    }
    let tags = CHAPTERS.iter().map(|(tag, about, _)| TagBuilder::new().name(*tag).description(Some(*about)).build());
    OpenApiBuilder::new()
        .info(InfoBuilder::new().title("Supergate").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT)).build())
        // Where this description is: deployed, that is below a stage.
        .servers(Some([ServerBuilder::new().url(".").build()]))
        .tags(Some(tags.collect::<Vec<_>>()))
        .paths(paths)
        .components(Some(components.build()))
        .build()
}
