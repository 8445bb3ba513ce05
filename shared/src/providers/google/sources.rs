//! What an answer is based on, as OpenAI's annotations: <https://ai.google.dev/api/generate-content#GroundingMetadata>. Google counts
//! bytes of UTF-8, the dialect characters.

use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::HashSet;

/// More than an honest answer has: of supports in an event, and of annotations in all.
const MAX_SUPPORTS: usize = 1_000;

/// What an answer named so far. In a stream, sources can come before the text that they support is marked.
#[derive(Default)]
pub(super) struct Sources {
    chunks: Vec<Chunk>,
    /// Written out, which is what tells two of them apart.
    named: HashSet<String>,
    /// How many were named: one event may name the same twice.
    count: usize,
    /// Whether some text is known to rest on some source.
    has_supports: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct Grounding {
    grounding_chunks: Vec<Chunk>,
    grounding_supports: Vec<Support>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    web: Option<Source>,
    maps: Option<Source>,
    retrieved_context: Option<Source>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Source {
    uri: Option<String>,
    title: Option<String>,
    file_search_store: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Support {
    segment: Option<Segment>,
    #[serde(default)]
    grounding_chunk_indices: Vec<usize>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Segment {
    #[serde(default)]
    start_index: usize,
    #[serde(default)]
    end_index: usize,
    text: Option<String>,
}

#[derive(Deserialize)]
struct Citations {
    #[serde(alias = "citations", rename = "citationSources", default)]
    sources: Vec<Citation>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Citation {
    #[serde(default)]
    start_index: usize,
    #[serde(default)]
    end_index: usize,
    uri: Option<String>,
    title: Option<String>,
    license: Option<String>,
}

impl Sources {
    /// What is new. `text` is the whole answer so far, and perhaps all of it: then sources of which nobody says what they support, as of a
    /// page that was read, stand for the whole.
    pub(super) fn read(
        &mut self,
        grounding: Option<Value>,
        citations: Option<Value>,
        text: &str,
        is_whole: bool,
    ) -> Vec<Value> {
        let mut found = Vec::new();
        if let Some(grounding) = grounding.and_then(|value| serde_json::from_value::<Grounding>(value).ok()) {
            if !grounding.grounding_chunks.is_empty() {
                self.chunks = grounding.grounding_chunks;
            }
            self.has_supports |= !grounding.grounding_supports.is_empty();
            for support in grounding.grounding_supports.iter().take(MAX_SUPPORTS) {
                let Some(range) = support.segment.as_ref().and_then(|segment| segment.characters(text)) else {
                    continue;
                };
                let chunks = support.grounding_chunk_indices.iter().filter_map(|&i| self.chunks.get(i));
                found.extend(
                    chunks.filter_map(|chunk| chunk.annotation(range)).take(MAX_SUPPORTS.saturating_sub(found.len())),
                );
            }
        }
        if let Some(citations) = citations.and_then(|value| serde_json::from_value::<Citations>(value).ok()) {
            found.extend(citations.sources.iter().take(MAX_SUPPORTS).map(|citation| citation.annotation(text)));
        }
        if is_whole && !self.has_supports {
            let range = (0, text.chars().count());
            found.extend(self.chunks.iter().take(MAX_SUPPORTS).filter_map(|chunk| chunk.annotation(range)));
        }
        // Some models repeat them all in every event.
        found.retain(|annotation| !self.named.contains(&annotation.to_string()));
        found.truncate(MAX_SUPPORTS.saturating_sub(self.count));
        self.count += found.len();
        self.named.extend(found.iter().map(Value::to_string));
        found
    }
}

impl Chunk {
    fn annotation(&self, (start, end): (usize, usize)) -> Option<Value> {
        let source = self.web.as_ref().or(self.maps.as_ref()).or(self.retrieved_context.as_ref())?;
        Some(match &source.uri {
            Some(uri) => url_citation(uri, source.title.as_deref(), start, end),
            None => json!({ "type": "file_citation", "file_citation": {
                "title": source.title, "store": source.file_search_store, "start_index": start, "end_index": end,
            } }),
        })
    }
}

impl Citation {
    fn annotation(&self, text: &str) -> Value {
        let (start, end) = (characters(text, self.start_index), characters(text, self.end_index));
        match &self.uri {
            Some(uri) => url_citation(uri, self.title.as_deref(), start, end),
            None => json!({ "type": "citation", "citation": {
                "title": self.title, "license": self.license, "start_index": start, "end_index": end,
            } }),
        }
    }
}

/// The dialect demands a title.
fn url_citation(url: &str, title: Option<&str>, start: usize, end: usize) -> Value {
    json!({ "type": "url_citation", "url_citation": {
        "url": url, "title": title.unwrap_or(url), "start_index": start, "end_index": end,
    } })
}

impl Segment {
    /// Where the segment is by its offsets or, where these are off by some bytes, by its own text.
    fn characters(&self, text: &str) -> Option<(usize, usize)> {
        let mut range = (self.start_index, self.end_index);
        if let Some(quoted) = self.text.as_deref().filter(|quoted| !quoted.is_empty())
            && text.get(range.0..range.1) != Some(quoted)
            && let Some(start) = text.find(quoted)
        {
            range = (start, start + quoted.len());
        }
        (range.1 > range.0).then(|| (characters(text, range.0), characters(text, range.1)))
    }
}

/// How many characters begin before a byte.
fn characters(text: &str, byte: usize) -> usize {
    text.char_indices().take_while(|(at, _)| *at < byte).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_no_more_annotations_than_an_honest_one() {
        let grounding = || {
            json!({
                "groundingChunks": [{ "web": { "uri": "https://a.example", "title": "A" } }],
                "groundingSupports": [{ "segment": { "endIndex": 1 }, "groundingChunkIndices": vec![0; 100_000] }],
            })
        };
        let mut sources = Sources::default();
        assert_eq!(sources.read(Some(grounding()), None, "ab", false).len(), MAX_SUPPORTS, "no more in one event");
        assert!(sources.read(Some(grounding()), None, "ab", false).is_empty(), "named before");
        let mut sources = Sources { chunks: sources.chunks, ..Sources::default() };
        let text = "a".repeat(5_000);
        let each = |end: usize| json!({ "segment": { "endIndex": end }, "groundingChunkIndices": [0] });
        let told: usize = (0..5)
            .map(|event| {
                let supports: Vec<_> = (1..=1_000).map(|i| each(event * 1_000 + i)).collect();
                sources.read(Some(json!({ "groundingSupports": supports })), None, &text, false).len()
            })
            .sum();
        assert_eq!(told, MAX_SUPPORTS);
    }
}
