//! What a text means, as a vector: all-MiniLM-L6-v2 in this process. A model of its own and no call, because a look-up may cost less
//! than what it saves; and no vector of a prompt leaves the function for it.

mod file;
#[cfg(feature = "embedder")]
mod minilm;
mod wordpiece;

pub use file::{BrokenFile, EmbedderFile};
#[cfg(feature = "embedder")]
pub use minilm::MiniLm;
pub use wordpiece::{BrokenVocabulary, WordPiece};

use std::fmt;

/// Makes vectors of texts. Vectors of embedders with different names cannot be compared.
pub trait Embedder: Send + Sync {
    /// The model, and the way in which it was made into numbers.
    fn name(&self) -> &str;

    /// A text's vector. The same text gives the same vector on the same kind of processor, and one within rounding elsewhere.
    ///
    /// # Errors
    /// [`EmbedError`], which no text should cause.
    fn embed(&self, text: &str) -> Result<Embedding, EmbedError>;
}

/// The embedder did not work.
#[derive(Debug, thiserror::Error)]
#[error("a text could not be embedded")]
pub struct EmbedError(#[source] Box<dyn std::error::Error + Send + Sync>);

impl EmbedError {
    /// For this reason.
    pub fn new(cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

/// The file of an embedder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BrokenEmbedder {
    /// It is not whole, or not such a file.
    #[error(transparent)]
    File(#[from] BrokenFile),
    /// Its vocabulary lacks what it must have.
    #[error(transparent)]
    Vocabulary(#[from] BrokenVocabulary),
    /// The network in it cannot be read.
    #[error("the embedder's network cannot be used")]
    Network(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// A vector of length one.
#[derive(Clone, PartialEq)]
pub struct Embedding(Box<[f32]>);

impl Embedding {
    /// A vector in the same direction with length one; none if it has no direction: nothing but zeros, or a number that is none.
    #[must_use]
    pub fn normalised(mut numbers: Vec<f32>) -> Option<Self> {
        let length = numbers.iter().map(|each| f64::from(*each).powi(2)).sum::<f64>().sqrt();
        if !(length.is_finite() && length > 0.0) {
            return None;
        }
        for each in &mut numbers {
            #[expect(clippy::cast_possible_truncation, reason = "a part of a vector of length one fits")]
            let part = (f64::from(*each) / length) as f32;
            *each = part;
        }
        Some(Self(numbers.into()))
    }

    /// The numbers.
    #[must_use]
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// The cosine of the angle to another vector of the same embedder: 1 for the same direction.
    #[must_use]
    pub fn cosine(&self, other: &Self) -> f32 {
        self.0.iter().zip(&*other.0).map(|(one, other)| one * other).sum()
    }
}

/// What was said can be guessed from its vector, so a log shows none.
impl fmt::Debug for Embedding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Embedding({} numbers)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_vector_has_length_one_or_does_not_exist() {
        #[rustfmt::skip]
        let table = [
            (vec![3.0, 4.0],           Some([0.6_f32, 0.8]), "its direction is kept"),
            (vec![3e-30, 4e-30],       Some([0.6, 0.8]), "however short it is"),
            (vec![3e30, 4e30],         Some([0.6, 0.8]), "or long"),
            (vec![0.0, 0.0],           None,             "nothing points nowhere"),
            (vec![f32::NAN, 1.0],      None,             "a fault of the network is not stored"),
            (vec![f32::INFINITY, 1.0], None,             "nor is this one"),
        ];
        for (numbers, expected, why) in table {
            let made = Embedding::normalised(numbers);
            assert_eq!(made.is_some(), expected.is_some(), "{why}");
            for (part, expected) in made.iter().flat_map(|made| made.as_slice()).zip(expected.iter().flatten()) {
                assert!((part - expected).abs() < 1e-6, "{why}: {part}");
            }
        }
    }

    #[test]
    fn a_log_shows_no_vector() {
        let vector = Embedding::normalised(vec![3.0, 4.0]).expect("a direction");
        assert_eq!(format!("{vector:?}"), "Embedding(2 numbers)");
        assert!((vector.cosine(&vector) - 1.0).abs() < 1e-6);
    }
}
