//! The recorded rows: where they are, and a row's body as the events that it is made of.

use std::{env, fs, path::PathBuf, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;
use supergate::{providers::Provider, usage::ModelKind};

/// Where they are; none where nobody has them, which a line on the terminal says.
pub static FOLDER: LazyLock<Option<Folder>> = LazyLock::new(|| {
    let folder = Folder::find();
    if folder.is_none() {
        super::say("recorded traffic: TRAFFIC names no folder of recordings, so nothing was compared");
    }
    folder
});

/// Every chat row that has an answer, once for all tests of this file.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| read(|row| row.is_chat() && row.status == 200));
/// Every chat row whose status is an error.
pub static ERRORS: LazyLock<Vec<Row>> = LazyLock::new(|| read(|row| row.is_chat() && row.status >= 400));
/// Every row of vectors, whatever its status.
pub static EMBEDDINGS: LazyLock<Vec<Row>> = LazyLock::new(|| read(Row::is_embeddings));

fn read(wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
    FOLDER.as_ref().map(|folder| folder.read(wanted)).unwrap_or_default()
}

/// A folder of recordings.
pub struct Folder {
    /// Holds the `.jsonl` files.
    pub rows: PathBuf,
    /// The upstream that replays them.
    pub replay: PathBuf,
}

impl Folder {
    /// `$TRAFFIC/public/*.jsonl`, or `$TRAFFIC/*.jsonl`; a relative path begins at the repository.
    fn find() -> Option<Self> {
        let given = env::var("TRAFFIC").ok().filter(|given| !given.is_empty())?;
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(given);
        let public = folder.join("public");
        let rows = if public.is_dir() { public } else { folder.clone() };
        let replay = [folder.join("replay.py"), folder.join("../replay.py")].into_iter().find(|file| file.is_file())?;
        Some(Self { rows, replay })
    }

    fn read(&self, wanted: impl Fn(&Row) -> bool) -> Vec<Row> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.rows)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
            .collect();
        files.sort();
        let texts = files.iter().map(|file| fs::read_to_string(file).expect("UTF-8"));
        let rows = texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect::<Vec<Row>>());
        rows.filter(wanted).collect()
    }
}

/// One exchange, as far as it is looked at here.
#[derive(Debug, Deserialize)]
pub struct Row {
    pub id: String,
    pub provider: String,
    endpoint: String,
    model: Option<String>,
    pub source_repo: String,
    pub source_path: String,
    source_index: Option<u64>,
    /// Null where only the answer was kept.
    #[serde(default)]
    pub request_body: Value,
    pub status: u16,
    pub streaming: bool,
    #[serde(default)]
    features: Vec<String>,
    stream_format: Option<String>,
    #[serde(rename = "response_body")]
    pub body: String,
}

impl Row {
    fn is_chat(&self) -> bool {
        match self.provider.as_str() {
            "openai" | "mistral" => self.endpoint == "chat.completions",
            "anthropic" => self.endpoint == "messages",
            "google" => matches!(self.endpoint.as_str(), "generateContent" | "streamGenerateContent"),
            "cohere" => self.endpoint == "v2.chat",
            _ => false,
        }
    }

    fn is_embeddings(&self) -> bool {
        ["embeddings", "batchEmbedContents", "embedContent", "v1.embed", "v2.embed"].contains(&self.endpoint.as_str())
    }

    /// Whether its answer is of the call that the gateway makes; a provider's older calls, and those for integers, answer otherwise.
    pub fn is_of_our_call(&self) -> bool {
        let is_older = matches!(self.endpoint.as_str(), "embedContent" | "v1.embed");
        let types = self.request_body["embedding_types"].as_array();
        let has_floats = types.is_none_or(|types| types.iter().any(|one| one == "float"));
        self.status != 200 || (has_floats && !is_older)
    }

    /// Where it stood among the requests of its source.
    pub fn place(&self) -> (&str, &str, u64) {
        (&self.source_repo, &self.source_path, self.source_index.unwrap_or_default())
    }

    /// What to ask the gateway for: the row's own model if the catalogue has it and it does that, else one of the same provider.
    pub fn model(&self) -> String {
        let kind = if self.is_embeddings() { ModelKind::Embedding } else { ModelKind::Chat };
        let card = |name: &str| supergate::providers::model(self.translator(), name);
        let own = self.model_name().filter(|name| card(name).is_some_and(|card| card.kind == kind));
        let of_app =
            supergate_tests::app::MODELS.into_iter().find_map(|model| model.strip_prefix(&self.provider)?.get(1..));
        let vectors = || self.translator().models().iter().find(|card| card.kind == kind).map(|card| &*card.id);
        let name = own.or_else(|| if kind == ModelKind::Chat { of_app } else { vectors() });
        format!("{}/{}", self.provider, name.expect("a model of each provider"))
    }

    /// Whether that is the model that the recorded client named, of OpenAI, whose fields are the dialect's.
    pub fn asks_own_model(&self) -> bool {
        self.provider == "openai" && self.model_name().is_some_and(|name| self.model() == format!("openai/{name}"))
    }

    /// The model that the recorded client named.
    pub fn model_name(&self) -> Option<&str> {
        self.model.as_deref().map(|name| name.strip_prefix("models/").unwrap_or(name))
    }

    pub fn translator(&self) -> &'static dyn Provider {
        *supergate::providers::ALL.iter().find(|provider| provider.id() == self.provider).expect("a provider")
    }

    pub fn has(&self, feature: &str) -> bool {
        self.features.iter().any(|one| one == feature)
    }

    /// Whether a stream was asked for; a refusal is none.
    pub fn asks_for_stream(&self) -> bool {
        self.streaming || self.has("stream_request_error")
    }

    /// Whether its stream is JSON objects and not server-sent events.
    pub fn is_objects(&self) -> bool {
        matches!(self.stream_format.as_deref(), Some("json_array" | "ndjson"))
    }

    /// The pieces of its body that hold an event each; a whole answer is one piece. Together they are the body.
    pub fn frames(&self) -> Vec<&str> {
        if !self.streaming {
            vec![&self.body]
        } else if self.is_objects() {
            objects(&self.body)
        } else {
            blocks(&self.body)
        }
    }

    /// Its events that are JSON; a whole answer is one.
    pub fn events(&self) -> impl Iterator<Item = Value> {
        let data = self.frames().into_iter().filter_map(|frame| self.data(frame));
        data.filter_map(|data| serde_json::from_str(&data).ok())
    }

    /// The data of an event; none where the frame is a comment or the end of an array.
    pub fn data(&self, frame: &str) -> Option<String> {
        if !self.streaming || self.is_objects() {
            let bare = frame.trim_matches(|c: char| c.is_whitespace() || matches!(c, '[' | ']' | ','));
            return (!bare.is_empty()).then(|| bare.to_owned());
        }
        let lines = frame.lines().filter_map(|line| line.strip_prefix("data:"));
        let data: Vec<&str> = lines.map(|data| data.strip_prefix(' ').unwrap_or(data)).collect();
        (!data.is_empty()).then(|| data.join("\n"))
    }
}

/// Each ends with a blank line.
fn blocks(body: &str) -> Vec<&str> {
    let mut frames = Vec::new();
    let (mut start, mut at) = (0, 0);
    for line in body.split_inclusive('\n') {
        at += line.len();
        if line.trim_end_matches(['\r', '\n']).is_empty() {
            frames.push(&body[start..at]);
            start = at;
        }
    }
    if start < body.len() {
        frames.push(&body[start..]);
    }
    frames
}

/// Each ends with an object, but for what is left at the end.
fn objects(body: &str) -> Vec<&str> {
    let mut frames = Vec::new();
    let mut start = 0;
    while let Some(object) = body[start..].find('{') {
        let from = start + object;
        let mut values = serde_json::Deserializer::from_str(&body[from..]).into_iter::<Value>();
        if !matches!(values.next(), Some(Ok(_))) {
            break;
        }
        let end = from + values.byte_offset();
        frames.push(&body[start..end]);
        start = end;
    }
    if start < body.len() {
        frames.push(&body[start..]);
    }
    frames
}
