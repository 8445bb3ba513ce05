//! What is billed apart from tokens of text and is not in the price lists: an unknown price is an error before the call.

use crate::openai::{ChatRequest, Invalid};

/// Refuses what would be sent and cannot be priced. `ignored` names what is not sent.
pub(crate) fn refuse(request: &ChatRequest, ignored: &[String]) -> Result<(), Invalid> {
    let is_sent = |name: &str| !ignored.iter().any(|ignored| ignored == name);
    let hears = || request.first_audio();
    let speaks = || (request.wants_sound() && is_sent("modalities")).then(|| "modalities".to_owned());
    let remembers = || {
        let spoken =
            request.messages.iter().position(|message| message.other.get("audio").is_some_and(|it| !it.is_null()));
        spoken.filter(|_| is_sent("messages[].audio")).map(|i| format!("messages[{i}].audio"))
    };
    if let Some(path) = hears().or_else(speaks).or_else(remembers) {
        return Err(Invalid::unsupported(path, "sound is not priced yet"));
    }
    match request.other.contains_key("web_search_options") && is_sent("web_search_options") {
        true => Err(Invalid::unsupported("web_search_options", "searches are not priced yet")),
        false => Ok(()),
    }
}
