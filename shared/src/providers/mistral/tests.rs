//! The fixtures, and what an error may repeat.

use super::Mistral;
use crate::providers::{Provider, golden};

#[test]
fn every_fixture_translates_as_written() {
    golden::check(&Mistral);
}

#[test]
fn an_error_never_repeats_what_the_caller_said() {
    let body = br#"{"detail":[{"loc":["body","messages",0],"msg":"Field required","input":"my secret prompt","ctx":{"x":"secret"}}]}"#;
    let failure = Mistral.failure(422, body);
    assert!(!format!("{failure:?}").contains("secret"), "{failure:?}");
}

#[test]
fn the_front_ends_words_are_read_too() {
    for body in
        [r#"{"message":"no Route matched with those values"}"#, r#"{"detail":"no Route matched with those values"}"#]
    {
        assert_eq!(
            Mistral.failure(404, body.as_bytes()).message.as_deref(),
            Some("no Route matched with those values")
        );
    }
}
