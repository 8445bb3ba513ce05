//! A conversation as providers other than OpenAI want it: instructions first, nothing blank, somebody to answer.

use crate::openai::{
    ChatRequest, Invalid,
    chat::{Message, Role},
};

/// What is put in a person's mouth where a provider answers only a person and the conversation ends with the model's own words.
pub(crate) const CONTINUE: &str = "Continue.";

/// What is put in a person's mouth where a provider wants a person to speak first and the model did.
pub(crate) const BEGIN: &str = "Begin.";

/// A conversation without blank texts and empty turns, which Anthropic, Google and Mistral refuse.
#[derive(Debug)]
pub(crate) struct Dialogue<'a> {
    /// System and developer messages in order. They come first, wherever they stood: Anthropic and Google take them apart, Mistral
    /// refuses one after an answer.
    pub(crate) instructions: Vec<Vec<&'a str>>,
    /// What was said, in order; at least one turn.
    pub(crate) turns: Vec<Turn<'a>>,
}

/// One message.
#[derive(Debug)]
pub(crate) struct Turn<'a> {
    /// Who says it.
    pub(crate) speaker: Speaker,
    /// The texts of its parts; at least one, none blank.
    pub(crate) texts: Vec<&'a str>,
}

/// Who says something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Speaker {
    /// The person.
    User,
    /// The model.
    Assistant,
}

impl<'a> Dialogue<'a> {
    /// Of a request. Where there are only instructions, the last of them is what is asked: OpenAI answers a lone system message.
    pub(crate) fn of(request: &'a ChatRequest) -> Result<Self, Invalid> {
        let (mut instructions, mut turns) = (Vec::new(), Vec::new());
        for message in &request.messages {
            let texts = texts(message);
            match message.role {
                _ if texts.is_empty() => {}
                Role::System | Role::Developer => instructions.push(texts),
                Role::Assistant => turns.push(Turn { speaker: Speaker::Assistant, texts }),
                Role::User | Role::Tool | Role::Function => turns.push(Turn { speaker: Speaker::User, texts }),
            }
        }
        if turns.is_empty() {
            let texts = instructions.pop().ok_or_else(|| Invalid::value("messages", "must hold some text"))?;
            turns.push(Turn::user(texts));
        }
        Ok(Self { instructions, turns })
    }

    /// Lets a person speak last, for a provider that answers nobody else.
    pub(crate) fn end_with_user(&mut self) {
        if self.turns.last().is_some_and(|turn| turn.speaker == Speaker::Assistant) {
            self.turns.push(Turn::user(vec![CONTINUE]));
        }
    }

    /// Lets a person speak first, for a provider that demands it.
    pub(crate) fn begin_with_user(&mut self) {
        if self.turns.first().is_some_and(|turn| turn.speaker == Speaker::Assistant) {
            self.turns.insert(0, Turn::user(vec![BEGIN]));
        }
    }
}

impl<'a> Turn<'a> {
    fn user(texts: Vec<&'a str>) -> Self {
        Self { speaker: Speaker::User, texts }
    }
}

/// The texts that are not blank; of an assistant that said nothing, what it refused with.
fn texts(message: &Message) -> Vec<&str> {
    let content = message.content.as_ref().map(|content| content.texts()).unwrap_or_default();
    let mut texts: Vec<_> = content.into_iter().filter(|text| !text.trim().is_empty()).collect();
    if texts.is_empty() {
        texts.extend(message.refusal.as_deref().filter(|text| !text.trim().is_empty()));
    }
    texts
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn request(messages: &Value) -> ChatRequest {
        let body = json!({ "model": "m", "messages": messages });
        ChatRequest::parse(body.to_string().as_bytes()).expect("a request in the dialect")
    }

    #[test]
    fn the_last_of_lone_instructions_is_what_is_asked() {
        let request = request(&json!([{ "role": "system", "content": "a" }, { "role": "developer", "content": "b" }]));
        let dialogue = Dialogue::of(&request).expect("it says something");
        assert_eq!(dialogue.instructions, [["a"]]);
        assert_eq!((dialogue.turns[0].speaker, &dialogue.turns[0].texts), (Speaker::User, &vec!["b"]));
    }

    #[test]
    fn a_conversation_without_a_word_is_refused() {
        let request = request(&json!([{ "role": "user", "content": " " }, { "role": "assistant" }]));
        assert_eq!(Dialogue::of(&request).expect_err("blank").param.as_deref(), Some("messages"));
    }

    #[test]
    fn a_refusal_counts_as_what_was_said() {
        let request = request(&json!([
            { "role": "user", "content": "a" },
            { "role": "assistant", "content": null, "refusal": "no" },
            { "role": "user", "content": [{ "type": "text", "text": " " }, { "type": "text", "text": "b" }] },
        ]));
        let dialogue = Dialogue::of(&request).expect("it says something");
        let texts: Vec<_> = dialogue.turns.iter().flat_map(|turn| turn.texts.clone()).collect();
        assert_eq!(texts, ["a", "no", "b"], "blank parts are gone");
    }
}
