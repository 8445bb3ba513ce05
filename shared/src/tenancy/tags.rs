//! What use is booked under: the tags of a key, and those that a request brings.

/// How many tags one request may bring.
pub const MAX_TAGS_OF_REQUEST: usize = 10;
const MAX_TAG_CHARS: usize = 64;

/// Whether a text is a tag: letters, digits and `_ . : / -`.
///
/// # Errors
/// What is wrong with it, for a person.
pub fn check(text: &str) -> Result<(), String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_.:/-".contains(&byte);
    if (1..=MAX_TAG_CHARS).contains(&text.len()) && text.bytes().all(plain) {
        return Ok(());
    }
    Err(format!("must have 1 to {MAX_TAG_CHARS} letters, digits, `_`, `.`, `:`, `/` and `-`"))
}

/// The tags of a request: the key's own, and those that its `x-supergate-tags` lists, separated by commas.
///
/// # Errors
/// What is wrong with the header, for a person.
pub fn of_request(own: &[String], header: Option<&str>) -> Result<Vec<String>, String> {
    let mut tags = own.to_vec();
    let brought: Vec<&str> = header.map_or_else(Vec::new, |text| text.split(',').map(str::trim).collect());
    if brought.len() > MAX_TAGS_OF_REQUEST {
        return Err(format!("must list at most {MAX_TAGS_OF_REQUEST} tags"));
    }
    for tag in brought {
        check(tag).map_err(|problem| format!("must list tags, separated by commas; each {problem}"))?;
        if !tags.iter().any(|one| one == tag) {
            tags.push(tag.to_owned());
        }
    }
    Ok(tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_has_its_keys_tags_and_its_own() {
        let own = ["team:search".to_owned()];
        let many = ["t"; MAX_TAGS_OF_REQUEST + 1].join(",");
        #[rustfmt::skip]
        let table = [
            (None,                        Some("team:search"),         "the key's"),
            (Some("beta"),                Some("team:search beta"),    "and its own"),
            (Some(" beta , eval/1 "),     Some("team:search beta eval/1"), "room around commas"),
            (Some("team:search,beta"),    Some("team:search beta"),    "each once"),
            (Some(""),                    None,                        "an empty header names a tag without a name"),
            (Some("beta,"),               None,                        "so does a comma too many"),
            (Some("be ta"),               None,                        "room within a tag"),
            (Some("bêta"),                None,                        "other letters"),
            (Some(many.as_str()),         None,                        "too many"),
        ];
        for (header, expected, why) in table {
            let tags = of_request(&own, header).map(|tags| tags.join(" ")).ok();
            assert_eq!(tags.as_deref(), expected, "{why}");
        }
    }
}
