//! The words: OpenAI's dialect as types. Everything a caller sends or receives is one of these; nothing here knows a provider.

pub mod chat;
pub mod chunk;
pub mod completion;
pub mod content;
pub mod error;
pub mod json;
pub mod models;
pub mod usage;

pub use chat::ChatRequest;
pub use error::Invalid;
