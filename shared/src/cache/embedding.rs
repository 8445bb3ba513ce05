//! The embedder of this process: read from its file after the first response, and there for the requests that follow.

use super::embed::{BrokenEmbedder, EmbedError, Embedder, EmbedderFile, Embedding};
use crate::causes::{self, BoxError};
use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

/// The embedder whose vectors are kept, which infra/local/minilm.py gives its name. It is in every namespace before the file was read, so a
/// file with another is not used.
pub const NAME: &str = "all-MiniLM-L6-v2/1";

/// Makes an embedder of a file's bytes. Who embeds brings it (`MiniLm::make`), and so nobody else links the engine.
pub type Make = fn(Vec<u8>) -> Result<Arc<dyn Embedder>, BrokenEmbedder>;

/// An embedder that may be there, or come, or not.
#[derive(Clone)]
pub struct LazyEmbedder(Arc<Inner>);

struct Inner {
    source: Option<(PathBuf, Make)>,
    is_asked_for: AtomicBool,
    /// None once it turned out that there will be none.
    embedder: OnceLock<Option<Arc<dyn Embedder>>>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// None is configured, or its file cannot be used: the log says why.
    Without,
    /// Nobody has loaded it yet.
    Waiting,
    /// It is there.
    Ready,
}

impl LazyEmbedder {
    /// None: the semantic tier is off.
    #[must_use]
    pub fn none() -> Self {
        Self::with(None)
    }

    /// The one in a file.
    #[must_use]
    pub fn of_file(path: PathBuf, make: Make) -> Self {
        Self::with(Some((path, make)))
    }

    fn with(source: Option<(PathBuf, Make)>) -> Self {
        Self(Arc::new(Inner { source, is_asked_for: AtomicBool::new(false), embedder: OnceLock::new() }))
    }

    /// How far it is.
    #[must_use]
    pub fn progress(&self) -> Progress {
        match (&self.0.source, self.0.embedder.get()) {
            (None, _) | (_, Some(None)) => Progress::Without,
            (_, None) => Progress::Waiting,
            (_, Some(Some(_))) => Progress::Ready,
        }
    }

    /// The embedder's name, once it is there.
    #[must_use]
    pub fn name(&self) -> Option<String> {
        Some(self.0.embedder.get()?.as_ref()?.name().to_owned())
    }

    /// Loads it, for after a response: it takes some tens of milliseconds. Whoever comes second has nothing to do.
    pub async fn load(&self) {
        let Some((path, make)) = self.0.source.clone() else { return };
        if self.0.is_asked_for.swap(true, Ordering::Relaxed) {
            return;
        }
        let shown = path.display().to_string();
        let loaded = tokio::task::spawn_blocking(move || read(&path).and_then(|bytes| Ok(make(bytes)?))).await;
        let embedder = match loaded.map_err(BoxError::from).and_then(|loaded| loaded) {
            Ok(embedder) => Some(embedder),
            Err(error) => {
                let error = causes::chain(&*error);
                tracing::error!(alarm = "embedder_unusable", %error, path = shown, "the semantic cache is off");
                None
            }
        };
        let _ = self.0.embedder.set(embedder);
    }

    /// A text's vector, beside what else this thread has to do; none while there is no embedder.
    ///
    /// # Errors
    /// [`EmbedError`], which no text should cause.
    pub async fn embed(&self, text: String) -> Result<Option<Embedding>, EmbedError> {
        let Some(Some(embedder)) = self.0.embedder.get().cloned() else { return Ok(None) };
        let embedded = tokio::task::spawn_blocking(move || embedder.embed(&text)).await;
        embedded.map_err(EmbedError::new)?.map(Some)
    }
}

/// Whether the file is there and whole, for the health check: which does not embed, and so does not load it.
///
/// # Errors
/// What is wrong with it, for the log.
pub async fn check_file(path: PathBuf) -> Result<(), BoxError> {
    tokio::task::spawn_blocking(move || Ok(EmbedderFile::read(read(&path)?).map(drop)?)).await?
}

fn read(path: &Path) -> Result<Vec<u8>, BoxError> {
    Ok(std::fs::read(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Two;

    impl Embedder for Two {
        fn name(&self) -> &str {
            "two"
        }

        fn embed(&self, text: &str) -> Result<Embedding, EmbedError> {
            let length = u16::try_from(text.len()).map_err(EmbedError::new)?;
            Embedding::normalised(vec![f32::from(length), 1.0]).ok_or_else(|| EmbedError::new("no direction"))
        }
    }

    fn make(_: Vec<u8>) -> Result<Arc<dyn Embedder>, BrokenEmbedder> {
        Ok(Arc::new(Two))
    }

    fn broken(bytes: Vec<u8>) -> Result<Arc<dyn Embedder>, BrokenEmbedder> {
        EmbedderFile::read(bytes)?;
        Ok(Arc::new(Two))
    }

    fn this_file() -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("src/cache/embedding.rs")
    }

    #[tokio::test]
    async fn it_is_there_once_it_was_loaded() {
        let embedder = LazyEmbedder::of_file(this_file(), make);
        assert_eq!((embedder.progress(), embedder.name()), (Progress::Waiting, None));
        assert!(embedder.embed("a".into()).await.expect("no fault").is_none(), "not yet");
        embedder.load().await;
        embedder.load().await;
        assert_eq!((embedder.progress(), embedder.name().as_deref()), (Progress::Ready, Some("two")));
        assert!(embedder.embed("a".into()).await.expect("no fault").is_some());
    }

    #[tokio::test]
    async fn without_a_file_or_with_a_broken_one_there_is_none() {
        let missing = this_file().with_extension("missing");
        #[rustfmt::skip]
        let table = [
            (LazyEmbedder::none(),                             "none is configured"),
            (LazyEmbedder::of_file(missing.clone(), make),     "there is no such file"),
            (LazyEmbedder::of_file(this_file(), broken),       "it is something else"),
        ];
        for (embedder, why) in table {
            embedder.load().await;
            assert_eq!(embedder.progress(), Progress::Without, "{why}");
            assert!(embedder.embed("a".into()).await.expect("no fault").is_none(), "{why}");
        }
        assert!(check_file(missing).await.is_err());
        assert!(check_file(this_file()).await.is_err());
    }
}
