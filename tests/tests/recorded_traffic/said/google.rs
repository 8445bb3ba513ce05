//! Google's answers.
//! <https://ai.google.dev/api/generate-content#v1beta.GenerateContentResponse>

use serde_json::Value;

use super::{Reading, has_some, list};

impl Reading<'_> {
    pub(super) fn take_content(&mut self, event: &Value) {
        let blocked = !event["promptFeedback"]["blockReason"].is_null();
        let says_nothing = if self.streamed {
            ["candidates", "promptFeedback", "usageMetadata"].iter().all(|key| event[key].is_null())
        } else {
            !blocked && !has_some(&event["candidates"])
        };
        self.failed |= says_nothing || !event["error"].is_null();
        if blocked && !has_some(&event["candidates"]) {
            // Before the first word there is no answer, only a refusal of the prompt.
            self.failed |= self.said.is_empty();
            for (index, said) in &mut self.said {
                if !self.over.insert(*index, true).unwrap_or(false) {
                    "content_filter".clone_into(&mut said.finish);
                }
            }
        }
        for (position, candidate) in (0..).zip(list(&event["candidates"])) {
            let index = candidate["index"].as_u64().unwrap_or(position);
            self.say(index, None);
            list(&candidate["content"]["parts"]).for_each(|part| self.take_candidate_part(index, part));
            self.take_grounding(index, &candidate["groundingMetadata"]);
            let citations = &candidate["citationMetadata"];
            for citation in list(&citations["citationSources"]).chain(list(&citations["citations"])) {
                let source = citation["uri"].as_str().or(citation["title"].as_str()).unwrap_or_default();
                self.take_passage(index, citation, source);
            }
            if let Some(queries) = candidate["groundingMetadata"]["webSearchQueries"].as_array() {
                // A query of no words is not billed; what a stream repeats is one search.
                let some = queries.iter().filter(|query| query.as_str() != Some("")).count() as u64;
                let searches = self.searches.entry(index).or_default();
                *searches = some.max(*searches);
            }
            let reason = &candidate["finishReason"];
            let over = self.over.entry(index).or_default();
            *over |= !reason.is_null();
            let said = self.said.entry(index).or_default();
            if !reason.is_null() || !self.streamed {
                google_finish(reason).clone_into(&mut said.finish);
            }
        }
        if event["usageMetadata"].is_object() {
            self.count(&event["usageMetadata"]);
        }
    }

    fn take_candidate_part(&mut self, index: u64, part: &Value) {
        let text = part["text"].as_str().filter(|text| !text.is_empty());
        match part["thought"] == true {
            true => self.think(index, text),
            false if text.is_some() => {
                self.say(index, text);
                self.over.insert(index, false);
            }
            false => {}
        }
        if part["functionCall"].is_object() {
            self.take_function_call(index, &part["functionCall"]);
            self.over.insert(index, false);
        }
        // Of a thought, it is a draft.
        let blob = &part["inlineData"];
        if let (Some(kind), Some(data), false) =
            (blob["mimeType"].as_str(), blob["data"].as_str(), part["thought"] == true)
        {
            match kind.split_once('/') {
                Some(("image", _)) => {
                    self.said.entry(index).or_default().images.push(format!("data:{kind};base64,{data}"));
                }
                Some(("audio", _)) => self.speak(index, &serde_json::json!({"data": data})),
                _ => self.more = Some("media"),
            }
            self.over.insert(index, false);
        }
        if !part["fileData"].is_null() {
            self.more = Some("media");
        }
        // What else there is are tools that Google ran itself.
    }

    /// Passages and what they rest on.
    fn take_grounding(&mut self, choice: u64, grounding: &Value) {
        if has_some(&grounding["groundingChunks"]) {
            let pages = list(&grounding["groundingChunks"])
                .map(|chunk| {
                    let source = ["web", "maps", "retrievedContext"].into_iter().map(|name| &chunk[name]);
                    let source = source.into_iter().find(|it| !it.is_null()).unwrap_or(&Value::Null);
                    let title = source["title"].as_str().unwrap_or_default();
                    [source["uri"].as_str().unwrap_or(title), title].map(str::to_owned)
                })
                .collect();
            self.pages.insert(choice, pages);
        }
        for support in list(&grounding["groundingSupports"]) {
            self.supported.insert(choice);
            let pages = self.pages.get(&choice).cloned().unwrap_or_default();
            let pages = list(&support["groundingChunkIndices"]).filter_map(|at| pages.get(at.as_u64()? as usize));
            for [page, _] in pages {
                self.take_passage(choice, &support["segment"], page);
            }
        }
    }

    /// Pages of which nothing says what rests on them stand for the whole answer.
    pub(super) fn cite_what_was_read(&mut self) {
        let mut pages = std::mem::take(&mut self.pages);
        pages.retain(|choice, _| !self.supported.contains(choice));
        for (choice, pages) in pages {
            let mut cited: Vec<[String; 2]> = Vec::new();
            for page in pages {
                if !cited.contains(&page) {
                    self.cite(choice, page[0].as_str());
                    cited.push(page);
                }
            }
        }
    }

    /// Some models repeat all of them in every event.
    fn take_passage(&mut self, choice: u64, passage: &Value, source: &str) {
        let passage = serde_json::json!([choice, passage, source]);
        if !self.passages.contains(&passage) {
            self.passages.push(passage);
            self.cite(choice, source);
        }
    }

    /// With `streamFunctionCallArguments` a call comes as its name, then its arguments by their paths, then an empty one.
    fn take_function_call(&mut self, choice: u64, call: &Value) {
        if let Some(name) = call["name"].as_str().filter(|name| !name.is_empty()) {
            let index = self.calls.next(choice);
            self.calls.begin(choice, index, call["id"].as_str().unwrap_or_default(), name);
            if call["args"].is_object() {
                self.calls.more(choice, index, &call["args"].to_string());
            }
        }
        for piece in list(&call["partialArgs"]) {
            let mut values =
                ["stringValue", "numberValue", "boolValue", "nullValue"].iter().map(|kind| (kind, &piece[*kind]));
            let (kind, value) = values.find(|(_, value)| !value.is_null()).unwrap_or((&"nullValue", &Value::Null));
            let value = if *kind == "nullValue" { &Value::Null } else { value };
            self.calls.put(choice, piece["jsonPath"].as_str().expect("a path"), value);
        }
    }
}

/// <https://ai.google.dev/api/generate-content#FinishReason>; a proxy may pass on the number of the enumeration.
fn google_finish(reason: &Value) -> &'static str {
    match (reason.as_str().unwrap_or_default(), reason.as_u64().unwrap_or_default()) {
        ("MAX_TOKENS", _) | (_, 2) => "length",
        ("SAFETY" | "RECITATION" | "LANGUAGE" | "BLOCKLIST" | "PROHIBITED_CONTENT" | "SPII", _) | (_, 3 | 4) => {
            "content_filter"
        }
        (image, _) if image.starts_with("IMAGE_") && image != "IMAGE_OTHER" => "content_filter",
        _ => "stop",
    }
}
