//! E-mail addresses as accounts are known by them: lower case and plain ASCII, so that no two accounts look alike.

use std::{fmt, str::FromStr};

/// An address in the one form in which it is compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

/// Why a text is no address that an account can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidEmail(&'static str);

const MAX_CHARS: usize = 254; // RFC 5321 § 4.5.3.1, without the angle brackets
const MAX_LOCAL_CHARS: usize = 64;
const NOT_AN_ADDRESS: InvalidEmail = InvalidEmail("must be an e-mail address, as `name@example.com`");

impl Email {
    /// As it is stored and shown.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = InvalidEmail;

    /// Refused and not folded: a letter that looks like an ASCII one would make a second account that looks like the first.
    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        if !text.is_ascii() {
            return Err(InvalidEmail("must be of plain ASCII letters: others can look like them"));
        }
        if text.len() > MAX_CHARS {
            return Err(InvalidEmail("must have at most 254 characters"));
        }
        let (local, domain) = text.split_once('@').ok_or(NOT_AN_ADDRESS)?;
        if domain.split('.').any(is_encoded) {
            return Err(InvalidEmail(
                "must not have a domain with `xn--`: it stands for letters that can look like others",
            ));
        }
        let good_local = local.len() <= MAX_LOCAL_CHARS && local.split('.').all(is_atom);
        let good_domain = domain.contains('.') && domain.split('.').all(is_label);
        if !(good_local && good_domain) {
            return Err(NOT_AN_ADDRESS);
        }
        Ok(Self(text.to_ascii_lowercase()))
    }
}

impl fmt::Display for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// RFC 5322 § 3.2.3: what stands between the dots of an address that is not quoted.
fn is_atom(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

fn is_label(text: &str) -> bool {
    let inner = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (1..=63).contains(&text.len()) && inner && !text.starts_with('-') && !text.ends_with('-')
}

/// RFC 5890 § 2.3.1: with dashes at its third and fourth place a label is `xn--…`, which is shown as letters of any script, or of a kind
/// that nobody may have yet.
fn is_encoded(label: &str) -> bool {
    label.as_bytes().get(2..4) == Some(b"--".as_slice())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_one_form() {
        let parsed: Email = "Ada.Lovelace+x@Example.COM".parse().expect("an address");
        assert_eq!(parsed.as_str(), "ada.lovelace+x@example.com");
        assert!("ada@a-b--c.example.com".parse::<Email>().is_ok(), "two dashes elsewhere are a name's");
    }

    #[test]
    fn what_is_no_address_or_looks_like_another_is_refused() {
        let long_local = format!("{}@example.com", "a".repeat(65));
        let long = format!("a@{}.com", "b.".repeat(130));
        #[rustfmt::skip]
        let table = [
            ("",                        "nothing"),
            ("ada",                     "no domain"),
            ("ada@",                    "an empty domain"),
            ("@example.com",            "nobody"),
            ("ada@example",             "no dot in the domain"),
            ("ada@@example.com",        "two ats"),
            ("ada@example..com",        "an empty label"),
            ("ada@-example.com",        "a label that begins with a dash"),
            (".ada@example.com",        "an empty atom"),
            ("a..da@example.com",       "an empty atom"),
            ("ada lovelace@example.com", "a space"),
            (" ada@example.com",        "a space before it"),
            ("ada@example.com\n",       "a line break"),
            ("ada\u{0}@example.com",    "a control character"),
            ("\"ada\"@example.com",     "a quoted name"),
            ("ada@[127.0.0.1]",         "an address of a machine"),
            ("\u{430}da@example.com",   "a Cyrillic a"),
            ("ada@ex\u{e4}mple.com",    "a domain that is not ASCII"),
            ("\u{ff41}da@example.com",  "a fullwidth a, which NFKC would fold"),
            ("ada@xn--pple-43d.com",    "a domain that is shown with a Cyrillic a"),
            ("ada@mail.XN--P1AI",       "the same in another label, in capitals"),
            ("ada@ab--cd.example.com",  "a label of a kind that is kept for what is to come"),
            (long_local.as_str(),       "too long a name"),
            (long.as_str(),             "too long"),
        ];
        for (text, why) in table {
            assert!(text.parse::<Email>().is_err(), "{why}: {text:?}");
        }
    }
}
