//! The words: OpenAI's dialect as types. Everything a caller sends or receives is one of these; nothing here knows a provider.

pub mod chat;
pub mod chunk;
pub mod completion;
pub mod content;
pub mod embeddings;
pub mod error;
pub mod format;
pub mod json;
pub mod models;
pub mod tools;
pub mod usage;

pub use chat::ChatRequest;
pub use embeddings::EmbeddingsRequest;
pub use error::Invalid;
