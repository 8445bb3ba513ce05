//! The namespace: everything of a request that must be equal, byte for byte, before an answer may be shared. Only the text of the last
//! message, if it is a person's, is outside; whether the caller streams is too, because it does not change what is said.
//!
//! Every type is taken apart without `..`, so a field that is added to the dialect does not compile until it is decided here. Each field is
//! written with its name and its length, so that no two requests are written alike.

mod encode;

pub use encode::SET_ASIDE;

use super::{guards, text};
use crate::{
    openai::{
        chat::{ChatRequest, Message, Role},
        content::{Content, PartBody},
    },
    tenancy::ids::{KeyId, PersonId, TenantId},
};
use encode::{Encode, Fields};
use sha2::{Digest, Sha256};

/// The version of the form of entries and of what is in a namespace.
pub const SCHEMA: u16 = 1;

/// For whom answers are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Sharing {
    /// For the key, and within it for the `user` where the request names one.
    #[default]
    Key,
    /// For all keys and users of the tenant. Only by the tenant's explicit setting.
    Tenant,
}

/// What of a request's surroundings is in its namespace.
#[derive(Debug, Clone, Copy)]
pub struct Surroundings<'a> {
    /// Whose request it is.
    pub tenant: TenantId,
    /// By which key.
    pub key: Option<KeyId>,
    /// By which person, with an access token: their answers are shared with no key, and with no other person.
    pub person: Option<PersonId>,
    /// For whom answers are kept.
    pub sharing: Sharing,
    /// The caller's own name for a part of its cache (`x-supergate-cache-namespace`).
    pub label: Option<&'a str>,
    /// As `chat.completions`.
    pub endpoint: &'a str,
    /// The provider that the model was resolved to.
    pub provider: &'a str,
    /// The model as the provider names it.
    pub model: &'a str,
    /// The version of what makes vectors.
    pub embedder: &'a str,
}

/// What a request is looked up by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    /// All that must be equal.
    pub namespace: [u8; 32],
    /// Tier 0: of the last message too.
    pub exact: [u8; 32],
    /// Tier 1: of its canonical text. None where it may only match exactly.
    pub canonical: Option<[u8; 32]>,
    /// The text that tier 2 may compare.
    pub prompt: Option<String>,
}

/// The one function that builds them.
pub fn keys(surroundings: &Surroundings<'_>, request: &ChatRequest) -> Keys {
    let prompt = loose_text(request);
    let mut fields = Fields::default();
    surroundings.encode(request, &mut fields);
    request.encode(&mut fields);
    let before = request.messages.len().saturating_sub(1);
    fields.count("messages", request.messages.len());
    for message in request.messages.iter().take(before) {
        message.encode(&mut fields);
    }
    match (&prompt, request.messages.last()) {
        (Some(_), Some(last)) => Message { content: None, ..last.clone() }.encode(&mut fields),
        (None, Some(last)) => last.encode(&mut fields),
        (_, None) => {}
    }
    let namespace = fields.digest();
    let of = |tier: &[u8], text: &str| -> [u8; 32] {
        Sha256::new().chain_update(namespace).chain_update(tier).chain_update(text).finalize().into()
    };
    Keys {
        namespace,
        exact: of(b"t0:", prompt.as_deref().unwrap_or_default()),
        canonical: prompt.as_deref().map(|prompt| of(b"t1:", &text::canonical(prompt))),
        prompt,
    }
}

/// The text that may match loosely: what a person said last, if it is one text and nothing else.
pub(super) fn loose_text(request: &ChatRequest) -> Option<String> {
    let last = request.messages.last().filter(|last| last.role == Role::User)?;
    match last.content.as_ref()? {
        Content::Text(text) => Some(text.clone()),
        Content::Parts(parts) => match parts.as_slice() {
            [part] => match part.body() {
                Some(PartBody::Text(text)) if part.cache_control.is_none() && part.other.is_empty() => {
                    Some(text.to_owned())
                }
                _ => None,
            },
            _ => None,
        },
    }
}

impl Surroundings<'_> {
    fn encode(&self, request: &ChatRequest, fields: &mut Fields) {
        let Self { tenant, key, person, sharing, label, endpoint, provider, model, embedder } = self;
        fields.count("schema", usize::from(SCHEMA));
        fields.count("text", usize::from(text::VERSION));
        fields.count("guards", usize::from(guards::VERSION));
        fields.text("embedder", embedder);
        fields.bytes("tenant", tenant.as_uuid().as_bytes());
        match sharing {
            Sharing::Tenant => fields.text("shared by", "tenant"),
            Sharing::Key => {
                fields.text("shared by", "key");
                fields.optional("key", key.as_ref(), |key, fields| fields.bytes("id", key.as_uuid().as_bytes()));
                if let Some(person) = person {
                    fields.bytes("person", person.as_uuid().as_bytes());
                }
                let user = request.other.get("user").and_then(serde_json::Value::as_str);
                fields.optional("user", user.as_ref(), |user, fields| fields.text("name", user));
            }
        }
        fields.optional("label", label.as_ref(), |label, fields| fields.text("name", label));
        fields.text("endpoint", endpoint);
        fields.text("provider", provider);
        fields.text("model", model);
    }
}

#[cfg(test)]
mod tests;
