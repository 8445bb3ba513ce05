//! Thoughts, and the signatures by which the mock knows its own when they come back.
//!
//! A real signature is opaque to everyone but its maker; so is this one, as far as a gateway is concerned. It holds a hash of what was
//! signed and a check of itself, so a changed signature and a signature on the wrong thing are both noticed without keeping any state.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// What is thought before the answer to `heard`.
pub fn about(heard: &str) -> String {
    format!("thinking about: \"{heard}\"")
}

/// Signs `what`.
pub fn sign(what: &str) -> String {
    let hash = hash(what);
    STANDARD.encode(format!("mock:{hash:016x}:{:016x}", hash.rotate_left(17) ^ SALT))
}

/// Whether this signature was made by [`sign`], of whatever.
pub fn is_ours(signature: &str) -> bool {
    signed_hash(signature).is_some()
}

/// Whether this signature was made of `what`.
pub fn is_of(signature: &str, what: &str) -> bool {
    signed_hash(signature) == Some(hash(what))
}

/// What is signed of a call: its name and its arguments, in whatever order their names come back.
pub fn of_call(name: &str, arguments: &Value) -> String {
    format!("{name}({})", sorted(arguments))
}

const SALT: u64 = 0x6d6f_636b_2073_6967;

fn signed_hash(signature: &str) -> Option<u64> {
    let text = String::from_utf8(STANDARD.decode(signature).ok()?).ok()?;
    let (hash, check) = text.strip_prefix("mock:")?.split_once(':')?;
    let hash = u64::from_str_radix(hash, 16).ok()?;
    (check == format!("{:016x}", hash.rotate_left(17) ^ SALT)).then_some(hash)
}

fn hash(what: &str) -> u64 {
    what.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

fn sorted(value: &Value) -> String {
    match value {
        Value::Object(map) => {
            let mut fields: Vec<_> = map.iter().map(|(name, value)| format!("{name:?}:{}", sorted(value))).collect();
            fields.sort();
            format!("{{{}}}", fields.join(","))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(sorted).collect::<Vec<_>>().join(",")),
        Value::Number(number) => number.as_f64().map_or_else(|| number.to_string(), |number| number.to_string()),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_changed_signature_and_one_of_something_else_are_noticed() {
        let signature = sign("a thought");
        assert!(is_of(&signature, "a thought") && is_ours(&signature));
        assert!(!is_of(&signature, "another"));
        let changed = signature.replacen(&signature[10..11], if &signature[10..11] == "A" { "B" } else { "A" }, 1);
        assert!(!is_ours(&changed) && !is_ours("") && !is_ours("c2lnbmVk"));
    }

    #[test]
    fn a_call_is_the_same_in_any_order_of_its_arguments() {
        assert_eq!(of_call("f", &json!({"a": 1, "b": [2]})), of_call("f", &json!({"b": [2.0], "a": 1})));
        assert_ne!(of_call("f", &json!({"a": 1})), of_call("f", &json!({"a": 2})));
    }
}
