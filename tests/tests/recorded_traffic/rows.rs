//! The recorded rows: where they are, and a row's body as the events that it is made of.

use std::{env, fs, path::PathBuf, sync::LazyLock};

use serde::Deserialize;
use serde_json::Value;
use supergate::usage::ModelKind;

/// Where they are; none where nobody has them, which a line on the terminal says.
pub static FOLDER: LazyLock<Option<Folder>> = LazyLock::new(|| {
    let folder = Folder::find();
    if folder.is_none() {
        super::say("recorded traffic: TRAFFIC names no folder of recordings, so nothing was compared");
    }
    folder
});

/// Every chat row that has an answer, once for all tests of this file.
pub static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| read(|status| status == 200));
/// Every chat row whose status is an error.
pub static ERRORS: LazyLock<Vec<Row>> = LazyLock::new(|| read(|status| status >= 400));

fn read(wanted: impl Fn(u16) -> bool) -> Vec<Row> {
    let rows = FOLDER.as_ref().map(Folder::read).unwrap_or_default();
    rows.into_iter().filter(|row| wanted(row.status)).collect()
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

    fn read(&self) -> Vec<Row> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.rows)
            .expect("a folder")
            .map(|entry| entry.expect("an entry").path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
            .collect();
        files.sort();
        let texts = files.iter().map(|file| fs::read_to_string(file).expect("UTF-8"));
        let rows = texts
            .flat_map(|text| text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect::<Vec<Row>>());
        rows.filter(Row::is_chat).collect()
    }
}

/// One exchange, as far as it is looked at here.
#[derive(Debug, Deserialize)]
pub struct Row {
    pub id: String,
    pub provider: String,
    endpoint: String,
    model: Option<String>,
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

    /// What to ask the gateway for: the row's own model if the catalogue has it and it chats, else one of the same provider.
    pub fn model(&self) -> String {
        let provider = supergate::providers::ALL.iter().find(|provider| provider.id() == self.provider);
        let card = |name: &str| supergate::providers::model(*provider.expect("a provider"), name);
        let known = |name: &&str| card(name).is_some_and(|card| card.kind == ModelKind::Chat);
        match self.model.as_deref().filter(known) {
            Some(own) => format!("{}/{own}", self.provider),
            None => supergate_tests::app::MODELS
                .into_iter()
                .find(|model| model.split_once('/').expect("provider/model").0 == self.provider)
                .expect("a model of each provider")
                .to_owned(),
        }
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
