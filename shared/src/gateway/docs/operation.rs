//! One operation as a row: what it is for, who may, what goes in, what comes out.

use crate::tenancy::{Permission, rbac};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use utoipa::{
    ToSchema,
    openapi::{
        ArrayBuilder, ContentBuilder, HttpMethod, ObjectBuilder, Ref, RefOr, Required, Response, ResponseBuilder,
        Schema, Type,
        example::ExampleBuilder,
        header::HeaderBuilder,
        path::{Operation as Described, OperationBuilder, ParameterBuilder, ParameterIn},
        request_body::{RequestBody, RequestBodyBuilder},
        schema::SchemaType,
        security::SecurityRequirement,
    },
};

pub(super) const JSON: &str = "application/json";
/// The ways to say who calls: a key or a token, the cookie of a session, and not at all.
pub(super) const BEARER: &str = "bearer";
pub(super) const COOKIE: &str = "cookie";
pub(super) const NOBODY: &str = "";

/// The parts of paths that are filled in.
const IN_PATH: &[(&str, &str)] = &[
    ("budget_id", "As `bud_…`."),
    ("entry_id", "As `che_…`, as an answer's header has it."),
    ("file", "One of the page's files."),
    ("invitation_id", "As `inv_…`."),
    ("key_id", "As `key_…`."),
    ("member_id", "As `usr_…`."),
    ("model", "`provider/model`, its slash encoded or not, or a bare name that one provider has."),
    ("price_id", "As `prc_…`."),
    ("provider", "A provider's id."),
];

/// A parameter behind the question mark.
pub(super) struct Query(pub(super) &'static str, pub(super) Type, pub(super) &'static str);

/// Of every list that has pages.
pub(super) const PAGE: [Query; 2] = [
    Query("limit", Type::Integer, "How many at most, 1 to 200; 50 if it is not given."),
    Query("cursor", Type::String, "The `next_cursor` of the page before."),
];

/// One operation.
pub(super) struct Operation {
    pub(super) method: HttpMethod,
    pub(super) path: &'static str,
    /// What it needs that stands among the components.
    pub(super) schemas: Vec<(String, RefOr<Schema>)>,
    id: &'static str,
    summary: &'static str,
    more: Vec<String>,
    callers: &'static [&'static str],
    query: Vec<Query>,
    body: Option<RequestBody>,
    answers: BTreeMap<u16, Response>,
    refusals: BTreeSet<u16>,
}

pub(super) fn get(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Get, path, id, summary)
}

pub(super) fn head(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Head, path, id, summary)
}

pub(super) fn post(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Post, path, id, summary)
}

pub(super) fn put(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Put, path, id, summary)
}

pub(super) fn patch(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Patch, path, id, summary)
}

pub(super) fn delete(path: &'static str, id: &'static str, summary: &'static str) -> Operation {
    Operation::new(HttpMethod::Delete, path, id, summary)
}

impl Operation {
    fn new(method: HttpMethod, path: &'static str, id: &'static str, summary: &'static str) -> Self {
        let refusals = if path.contains('{') { BTreeSet::from([404, 500]) } else { BTreeSet::from([500]) };
        Self {
            method,
            path,
            schemas: Vec::new(),
            id,
            summary,
            more: Vec::new(),
            callers: &[],
            query: Vec::new(),
            body: None,
            answers: BTreeMap::new(),
            refusals,
        }
    }

    /// What the summary does not say.
    pub(super) fn more(mut self, text: &str) -> Self {
        self.more.push(text.to_owned());
        self
    }

    /// The permission, and with it the roles, from the table that decides.
    pub(super) fn needs(mut self, permission: Permission) -> Self {
        let row = rbac::TABLE.iter().find(|row| row.0 == permission);
        let roles: Vec<&str> = row.iter().flat_map(|row| row.1).map(|role| role.as_str()).collect();
        self.more.push(format!("Needs `{}`, which these roles have: {}.", permission.as_str(), roles.join(", ")));
        self.called_by(&[BEARER]).refuses(&[403])
    }

    /// Any of these ways will do.
    pub(super) fn called_by(mut self, callers: &'static [&'static str]) -> Self {
        self.callers = callers;
        self.refuses(&[400, 401, 503])
    }

    pub(super) fn query(mut self, parameters: impl IntoIterator<Item = Query>) -> Self {
        self.query.extend(parameters);
        self.refuses(&[400])
    }

    /// A JSON body, with an example that a test sends.
    pub(super) fn takes<T: ToSchema>(self, example: &str) -> Self {
        self.takes_one_of::<T>(Required::True, &[("example", example)])
    }

    pub(super) fn may_take<T: ToSchema>(self, example: &str) -> Self {
        self.takes_one_of::<T>(Required::False, &[("example", example)])
    }

    pub(super) fn takes_one_of<T: ToSchema>(mut self, required: Required, examples: &[(&str, &str)]) -> Self {
        let content = ContentBuilder::new().schema(Some(component::<T>(&mut self.schemas))).examples_from_iter(
            examples.iter().map(|(name, text)| (*name, ExampleBuilder::new().value(Some(read(text))).build())),
        );
        self.body = Some(RequestBodyBuilder::new().content(JSON, content.build()).required(Some(required)).build());
        self.refuses(&[400, 413, 415])
    }

    /// A JSON answer.
    pub(super) fn answers<T: ToSchema>(mut self, status: u16, what: &str, example: &str) -> Self {
        let content =
            ContentBuilder::new().schema(Some(component::<T>(&mut self.schemas))).example(Some(read(example)));
        let response = ResponseBuilder::new().description(what).content(JSON, content.build());
        self.answer(status, response)
    }

    /// A JSON answer that is a list, with one of its things as the example.
    pub(super) fn lists<T: ToSchema>(mut self, what: &str, example: &str) -> Self {
        let one = component::<T>(&mut self.schemas);
        let name = format!("{}List", T::name());
        let next = ObjectBuilder::new()
            .schema_type(SchemaType::from_iter([Type::String, Type::Null]))
            .description(Some("What `cursor` must be for the next page; null on the last."));
        let list = ObjectBuilder::new()
            .property("data", ArrayBuilder::new().items(one).build())
            .property("next_cursor", next)
            .required("data")
            .required("next_cursor");
        let example = json!({ "data": [read(example)], "next_cursor": null });
        let content = ContentBuilder::new().schema(Some(Ref::from_schema_name(&name))).example(Some(example));
        self.schemas.push((name, list.build().into()));
        self.answer(200, ResponseBuilder::new().description(what).content(JSON, content.build()))
    }

    /// An answer that is text of another kind, or none.
    pub(super) fn answers_plain(self, status: u16, what: &str, content_type: Option<&str>) -> Self {
        let mut response = ResponseBuilder::new().description(what);
        if let Some(content_type) = content_type {
            let text = ObjectBuilder::new().schema_type(Type::String);
            response = response.content(content_type, ContentBuilder::new().schema(Some(text)).build());
        }
        self.answer(status, response)
    }

    /// The same answer in a second form: events.
    pub(super) fn or_events(mut self, status: u16, example: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let content = ContentBuilder::new().schema(Some(text)).example(Some(Value::from(example)));
        if let Some(response) = self.answers.get_mut(&status) {
            response.content.insert("text/event-stream".into(), content.build().into());
        }
        self
    }

    /// A header of an answer.
    pub(super) fn header(mut self, status: u16, name: &str, what: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        if let Some(response) = self.answers.get_mut(&status) {
            let header = HeaderBuilder::new().schema(Some(text)).description(Some(what));
            response.headers.insert(name.to_owned(), header.build().into());
        }
        self
    }

    pub(super) fn refuses(mut self, statuses: &[u16]) -> Self {
        self.refusals.extend(statuses);
        self
    }

    fn answer(mut self, status: u16, response: ResponseBuilder) -> Self {
        let request_id = RefOr::Ref(Ref::new("#/components/headers/x-request-id"));
        let mut response = response.build();
        response.headers.insert("x-request-id".to_owned(), request_id);
        self.answers.insert(status, response);
        self
    }

    /// As the description has it, under a tag.
    pub(super) fn describe(self, tag: &str) -> Described {
        let mut operation = OperationBuilder::new()
            .tag(tag)
            .operation_id(Some(self.id))
            .summary(Some(self.summary))
            .description((!self.more.is_empty()).then(|| self.more.join("\n\n")))
            .request_body(self.body);
        for name in self.path.split(['{', '}']).skip(1).step_by(2) {
            let what = IN_PATH.iter().find(|row| row.0 == name).map(|row| row.1);
            let text = ObjectBuilder::new().schema_type(Type::String);
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Path).description(what);
            operation = operation.parameter(parameter.required(Required::True).schema(Some(text)));
        }
        for Query(name, kind, what) in self.query {
            let schema = ObjectBuilder::new().schema_type(kind);
            let parameter = ParameterBuilder::new().name(name).parameter_in(ParameterIn::Query).description(Some(what));
            operation = operation.parameter(parameter.required(Required::False).schema(Some(schema)));
        }
        for (status, response) in self.answers {
            operation = operation.response(status.to_string(), response);
        }
        for status in self.refusals {
            let refusal = Ref::new(format!("#/components/responses/{}", refusal_name(status)));
            operation = operation.response(status.to_string(), RefOr::Ref::<Response>(refusal));
        }
        let securities = self.callers.iter().map(|caller| match *caller {
            NOBODY => SecurityRequirement::default(),
            caller => SecurityRequirement::new(caller, [""; 0]),
        });
        // An empty list: nobody has to say who they are.
        operation.securities(Some(securities)).build()
    }
}

/// Puts a type and all that it refers to among the components.
pub(super) fn component<T: ToSchema>(schemas: &mut Vec<(String, RefOr<Schema>)>) -> Ref {
    schemas.push((T::name().into_owned(), T::schema()));
    T::schemas(schemas);
    Ref::from_schema_name(T::name())
}

/// The component that lists the errors of a status.
pub(super) fn refusal_name(status: u16) -> String {
    format!("Error{status}")
}

/// A test reads every example: one that is none is null there, and fits nothing.
fn read(example: &str) -> Value {
    serde_json::from_str(example).unwrap_or_default()
}
