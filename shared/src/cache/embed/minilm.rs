//! The network, run by rten: an ONNX engine in Rust, so that the function stays one static binary.

use super::{BrokenEmbedder, EmbedError, Embedder, EmbedderFile, Embedding, wordpiece::WordPiece};
use rten::{Model, ModelOptions, NodeId, RunOptions, ThreadPool, ValueView, op_registry};
use std::sync::Arc;

/// What the model was trained to look at; more of a text is not read. The reference implementation cuts there too.
const MOST_TOKENS: usize = 256;
/// A function of less than 1.8 GB has one processor, and a text of a few words is not worth dividing.
const THREADS: usize = 1;

/// all-MiniLM-L6-v2.
pub struct MiniLm {
    name: String,
    vocabulary: WordPiece,
    model: Model,
    tokens: NodeId,
    embedding: NodeId,
    options: RunOptions,
}

impl MiniLm {
    /// Makes the embedder of what is in its file.
    ///
    /// # Errors
    /// [`BrokenEmbedder`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, BrokenEmbedder> {
        let EmbedderFile { name, vocabulary, network } = EmbedderFile::read(bytes)?;
        let vocabulary = WordPiece::new(&vocabulary)?;
        // Only these operators are linked. Weights are not packed in advance: that costs 40 MB, and gains nothing for short texts.
        let operators = op_registry!(
            Add,
            Cast,
            Gather,
            Gelu,
            LayerNormalization,
            MatMul,
            Mul,
            ReduceMean,
            Reshape,
            Shape,
            Slice,
            Softmax,
            Transpose
        );
        let model = ModelOptions::with_ops(operators)
            .load(network)
            .map_err(|error| BrokenEmbedder::Network(error.to_string().into()))?;
        let node = |name| model.node_id(name).map_err(|error| BrokenEmbedder::Network(error.to_string().into()));
        let (tokens, embedding) = (node("tokens")?, node("embedding")?);
        let options = RunOptions::default().with_thread_pool(Some(Arc::new(ThreadPool::with_num_threads(THREADS))));
        Ok(Self { name, vocabulary, tokens, embedding, options, model })
    }

    /// The same, for who does not care which embedder it is.
    ///
    /// # Errors
    /// [`BrokenEmbedder`].
    pub fn make(bytes: Vec<u8>) -> Result<Arc<dyn Embedder>, BrokenEmbedder> {
        Ok(Arc::new(Self::new(bytes)?))
    }

    /// What it cuts texts into.
    #[must_use]
    pub fn vocabulary(&self) -> &WordPiece {
        &self.vocabulary
    }
}

impl Embedder for MiniLm {
    fn name(&self) -> &str {
        &self.name
    }

    fn embed(&self, text: &str) -> Result<Embedding, EmbedError> {
        let tokens = self.vocabulary.tokens(text, MOST_TOKENS);
        let failed = |error: &dyn std::fmt::Display| EmbedError::new(error.to_string());
        let input = ValueView::from_shape([tokens.len()], &tokens).map_err(|error| failed(&error))?;
        let [output] = self
            .model
            .run_n(vec![(self.tokens, input.into())], [self.embedding], Some(self.options.clone()))
            .map_err(|error| failed(&error))?;
        let (_, numbers) = output.into_shape_vec::<f32, 1>().map_err(|error| failed(&error))?;
        Embedding::normalised(numbers).ok_or_else(|| failed(&"the vector has no direction"))
    }
}
