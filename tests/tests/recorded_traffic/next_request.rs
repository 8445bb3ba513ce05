//! The next request: what a client of OpenAI's sends back of our answer reaches the provider as the provider said it, and the results
//! that come with it as the recorded client gave them.

#[path = "next_request/anthropic.rs"]
mod anthropic;
#[path = "next_request/client.rs"]
mod client;
#[path = "next_request/google.rs"]
mod google;
#[path = "next_request/messages.rs"]
mod messages;

use std::collections::HashMap;

use serde_json::{Value, json};
use supergate::{openai::ChatRequest, usage::ModelCard};

use super::{
    rows::Row,
    run::{Exchange, Run},
    said::{Choice, Kind},
    verdict::{Aspect, Verdict},
};

/// One turn, read from a provider's request by the same rules whether a recorded client wrote it or we did.
#[derive(Debug, Clone, PartialEq)]
pub struct Turn {
    is_models: bool,
    bits: Vec<Bit>,
}

/// Something in a turn.
#[derive(Debug, Clone, PartialEq)]
pub enum Bit {
    Text {
        text: String,
        signature: Option<String>,
    },
    Thought {
        text: String,
        signature: Option<String>,
    },
    /// A thought that only the provider can read.
    Sealed(String),
    /// What a model says it will do with its calls.
    Plan(String),
    Call {
        id: Option<String>,
        name: String,
        /// A text where the call is of a custom tool.
        arguments: Value,
        signature: Option<String>,
    },
    /// What a tool of the provider's did, and its signature where there is one.
    Own(Value, Option<String>),
    /// What was drawn, in base 64.
    Drawn(String),
    /// What was said aloud, by its id.
    Spoken(String),
    Result {
        id: Option<String>,
        name: Option<String>,
        content: Vec<Value>,
    },
}

/// What became of one answer that went back.
pub struct Returned {
    pub row: &'static Row,
    /// [`Aspect::Returned`] where it is compared with what the provider said, [`Aspect::NextRequest`] with what the client then sent.
    pub aspect: Aspect,
    /// The row that is compared with.
    pub with: &'static Row,
    pub verdict: Verdict,
}

/// A recorded answer, in the provider's form and in ours.
struct Case {
    row: &'static Row,
    /// Its first choice, as the provider wants it back.
    bits: Vec<Bit>,
    /// The message that a client has of us.
    message: Value,
}

/// What a client sends next.
struct Next {
    row: &'static Row,
    turn: Vec<Bit>,
    after: Vec<Bit>,
}

/// Every answer of the run goes back: by itself, and where its conversation went on, as the recorded client went on.
pub fn judge(run: &'static Run) -> Vec<Returned> {
    let cases: Vec<Case> = run.chats.iter().filter_map(Case::of).collect();
    let next = conversations(&cases);
    let mut all = Vec::new();
    for (i, case) in cases.iter().enumerate() {
        all.push(Returned { row: case.row, aspect: Aspect::Returned, with: case.row, verdict: case.goes_back() });
        if let Some(next) = next.get(&i) {
            let (aspect, verdict) = (Aspect::NextRequest, case.goes_on(next));
            all.push(Returned { row: case.row, aspect, with: next.row, verdict });
        }
    }
    all
}

/// The first request after each answer that has this answer in it: in the same recording, with the same words and calls, and with no
/// signature that is not the answer's, because no client can make one up.
fn conversations(cases: &[Case]) -> HashMap<usize, Next> {
    let mut by_gist: HashMap<_, Vec<usize>> = HashMap::new();
    for (i, case) in cases.iter().enumerate() {
        let (repo, path, _) = case.row.place();
        by_gist.entry((case.row.provider.as_str(), repo, path, gist(&case.bits))).or_default().push(i);
    }
    let mut rows: Vec<&'static Row> = cases.iter().map(|case| case.row).collect();
    rows.sort_by_key(|row| row.place());
    let mut next = HashMap::new();
    for row in rows {
        let (repo, path, at) = row.place();
        let turns = turns(&row.provider, &row.request_body);
        for (j, turn) in turns.iter().enumerate().filter(|(_, turn)| turn.is_models) {
            let Some(same) = by_gist.get(&(row.provider.as_str(), repo, path, gist(&turn.bits))) else { continue };
            let signatures = signatures(&turn.bits);
            let unchanged = same.iter().find(|i| cases[**i].bits == turn.bits);
            let is_its_own = |case: &Case| signatures.iter().all(|one| self::signatures(&case.bits).contains(one));
            let before = || same.iter().rfind(|i| cases[**i].row.place().2 < at && is_its_own(&cases[**i]));
            let Some(i) = unchanged.or_else(before) else { continue };
            let after = following(&turns, j);
            next.entry(*i).or_insert_with(|| Next { row, turn: turn.bits.clone(), after });
        }
    }
    next
}

/// What comes between a turn of the model and its next one.
fn following(turns: &[Turn], at: usize) -> Vec<Bit> {
    turns[at + 1..].iter().take_while(|turn| !turn.is_models).flat_map(|turn| turn.bits.clone()).collect()
}

/// The words and the calls, which no client changes.
fn gist(bits: &[Bit]) -> String {
    let (mut text, mut calls) = (String::new(), Vec::new());
    for bit in bits {
        match bit {
            Bit::Text { text: more, .. } => text += more,
            Bit::Call { name, arguments, .. } => calls.push(sorted(json!([name, arguments]))),
            _ => {}
        }
    }
    json!([text.trim(), calls]).to_string()
}

/// What only the provider can have written.
fn signatures(bits: &[Bit]) -> Vec<&str> {
    bits.iter()
        .filter_map(|bit| match bit {
            Bit::Text { signature, .. } | Bit::Thought { signature, .. } | Bit::Call { signature, .. } => {
                signature.as_deref()
            }
            Bit::Sealed(data) => Some(data.as_str()),
            _ => None,
        })
        .collect()
}

fn sorted(mut value: Value) -> Value {
    value.sort_all_objects();
    value
}

/// Recordings keep the beginning of a long text in base 64.
fn beginning(text: &str) -> String {
    text.chars().take(1_024).collect()
}

/// What a tool of the provider's did, without what says nothing.
fn own(value: &Value) -> Value {
    let says_nothing = |value: &Value| value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty);
    match value {
        Value::Object(members) => {
            let said = members.iter().filter(|(_, value)| !says_nothing(value));
            sorted(said.map(|(name, value)| (name.clone(), own(value))).collect())
        }
        Value::Array(items) => items.iter().map(own).collect(),
        Value::String(text) => beginning(text).into(),
        other => other.clone(),
    }
}

impl Case {
    fn of(exchange: &'static Exchange) -> Option<Self> {
        let Kind::Answer(recorded) = &exchange.kind else { return None };
        let row = exchange.row;
        // Whether thoughts go back depends on the model.
        row.model_name()?;
        let bits = tidy(answer(row, recorded.said.get(&0)?));
        Some(Self { row, bits, message: client::message(&exchange.answer)? })
    }

    /// The provider gets what it said.
    fn goes_back(&self) -> Verdict {
        let mut verdict = Verdict::default();
        match self.send(&self.message, client::any_reply(&self.message)) {
            Ok((turn, _)) => {
                let (wanted, came) = (wanted(&self.bits, &self.bits), came(&turn, &self.bits));
                verdict.compare(Aspect::Returned, "turn", &wanted, &came);
            }
            Err(error) => verdict.fail(Aspect::Returned, error),
        }
        verdict
    }

    /// The provider gets what the recorded client sent. A client that left out what was thought, or what tools of the provider's did,
    /// leaves it out here too.
    fn goes_on(&self, next: &Next) -> Verdict {
        let mut message = self.message.clone();
        if !next.turn.iter().any(Bit::is_thought) {
            client::forget_thoughts(&mut message);
        }
        if !next.turn.iter().any(|bit| matches!(bit, Bit::Own(..))) {
            client::forget_tools_of_the_provider(&mut message);
        }
        let mut verdict = Verdict::default();
        let (after, messages) = client::reply(&message, &next.turn, &next.after);
        match self.send(&message, messages) {
            Ok((turn, ours)) => {
                let (wanted, came) = (wanted(&next.turn, &self.bits), came(&turn, &self.bits));
                verdict.compare(Aspect::NextRequest, "turn", &wanted, &came);
                verdict.compare(Aspect::NextRequest, "what follows", &after, &paired(&turn, &ours));
            }
            Err(error) => verdict.fail(Aspect::NextRequest, error),
        }
        verdict
    }

    /// The turn and what follows it, as the provider gets them.
    fn send(&self, message: &Value, reply: Vec<Value>) -> Result<(Vec<Bit>, Vec<Bit>), String> {
        let mut messages = vec![json!({"role": "user", "content": "Begin."}), message.clone()];
        messages.extend(reply);
        let body = json!({"model": self.row.model(), "messages": messages}).to_string();
        let request = ChatRequest::parse(body.as_bytes()).map_err(|error| error.to_string())?;
        let sent = self.row.translator().chat_request(&card(self.row), &request).map_err(|error| error.to_string())?;
        let turns = turns(&self.row.provider, &serde_json::from_slice(&sent.body).expect("JSON"));
        let at = turns.iter().position(|turn| turn.is_models);
        // An answer without a word is no turn.
        Ok(at.map_or_else(Default::default, |at| (turns[at].bits.clone(), following(&turns, at))))
    }
}

impl Bit {
    fn is_thought(&self) -> bool {
        match self {
            Self::Thought { .. } | Self::Sealed(_) | Self::Plan(_) => true,
            Self::Text { signature, .. } | Self::Call { signature, .. } => signature.is_some(),
            Self::Own(..) | Self::Result { .. } | Self::Drawn(_) | Self::Spoken(_) => false,
        }
    }
}

/// The row's own model, by whose name the translators decide what it takes, also where the catalogue no longer has it.
fn card(row: &Row) -> ModelCard {
    let model = row.model();
    let known = model.split_once('/').and_then(|(_, name)| supergate::providers::model(row.translator(), name));
    let known = known.expect("a model of the catalogue");
    let id = row.model_name().map_or_else(|| known.id.clone(), |name| name.to_owned().into());
    ModelCard { id, ..known.clone() }
}

fn turns(provider: &str, body: &Value) -> Vec<Turn> {
    let turns = match provider {
        "anthropic" => anthropic::turns(body),
        "google" => google::turns(body),
        _ => messages::turns(body),
    };
    turns.into_iter().map(|turn| Turn { bits: tidy(turn.bits), ..turn }).collect()
}

fn answer(row: &Row, said: &Choice) -> Vec<Bit> {
    match row.provider.as_str() {
        "anthropic" => anthropic::answer(row, said),
        "google" => google::answer(row, said),
        _ => messages::answer(row, said),
    }
}

/// Neighbouring texts are one; what is blank, or a thought that leads to nothing, is none.
fn tidy(bits: Vec<Bit>) -> Vec<Bit> {
    let mut out: Vec<Bit> = Vec::new();
    for bit in bits {
        match (out.last_mut(), bit) {
            (Some(Bit::Text { text, signature: None }), Bit::Text { text: more, signature: None }) => *text += &more,
            // In a stream, a text's signature comes after it.
            (Some(Bit::Text { text, signature: it @ None }), Bit::Text { text: more, signature })
                if more.is_empty() && !text.is_empty() =>
            {
                *it = signature;
            }
            (_, bit) => out.push(bit),
        }
    }
    out.retain(|bit| !matches!(bit, Bit::Text { text, signature: None } if text.trim().is_empty()));
    while matches!(out.last(), Some(Bit::Thought { .. } | Bit::Sealed(_) | Bit::Plan(_))) {
        out.pop();
    }
    out
}

/// What must come: with the ids that the provider gave its calls, because a client may have its own.
fn wanted(turn: &[Bit], said: &[Bit]) -> Vec<Bit> {
    with_ids(turn, said, |_, given| given)
}

/// What came: where the provider gave a call no id, any will do.
fn came(turn: &[Bit], said: &[Bit]) -> Vec<Bit> {
    with_ids(turn, said, |id, given| given.and(id))
}

fn with_ids(turn: &[Bit], said: &[Bit], choose: fn(Option<String>, Option<String>) -> Option<String>) -> Vec<Bit> {
    let mut given = client::calls(said).into_iter();
    let mut turn = turn.to_vec();
    for bit in &mut turn {
        if let Bit::Call { id, arguments, .. } = bit {
            *id = choose(id.take(), given.next().and_then(|(id, _)| id.map(str::to_owned)));
            arguments.sort_all_objects();
        }
    }
    turn
}

/// Results by the place of the call that they are of, in that order; without those of earlier calls.
fn paired(turn: &[Bit], after: &[Bit]) -> Vec<Bit> {
    let mut results: Vec<Option<Bit>> = vec![None; client::calls(turn).len()];
    let mut rest = Vec::new();
    for (bit, call) in after.iter().zip(client::pair(turn, after)) {
        match (bit, call) {
            (Bit::Result { content, .. }, Some(call)) => {
                let content = content.iter().cloned().map(sorted).collect();
                results[call] = Some(Bit::Result { id: Some(call.to_string()), name: None, content });
            }
            (Bit::Result { .. }, None) => {}
            (bit, _) => rest.push(bit.clone()),
        }
    }
    tidy(results.into_iter().flatten().chain(rest).collect())
}
