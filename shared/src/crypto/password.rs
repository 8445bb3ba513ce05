//! Passwords: which are taken, and argon2id with OWASP's parameters.

use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher as _, PasswordVerifier as _, phc::PasswordHash},
};
use std::fmt;
use unicode_normalization::UnicodeNormalization as _;
use zeroize::Zeroizing;

/// The fewest characters (NIST SP 800-63B-4 § 3.1.1.2; no rules about kinds of characters, which the same section advises against).
pub const MIN_CHARS: usize = 8;
/// The most characters.
pub const MAX_CHARS: usize = 128;
/// How many random bytes are hashed with a password.
pub const SALT_BYTES: usize = 16;

/// OWASP's password storage cheat sheet: argon2id, 19 MiB, two passes, one lane. About 20 ms of a CPU.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Nobody's hash, of the same cost as everybody's: it is checked where there is no account, so that the time does not tell.
const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$c3VwZXJnYXRlIG5vYm9keQ$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// A password as somebody typed it.
pub struct Password(Zeroizing<String>);

/// Why a text cannot be a new password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(&'static str);

/// Hashing failed, or a stored hash is none: a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("a password cannot be hashed: {0}")]
pub struct HashError(argon2::password_hash::Error);

impl Password {
    /// Takes a password over. The same characters in another encoding (NFKC) are the same password.
    pub fn new(typed: &str) -> Self {
        Self(Zeroizing::new(typed.nfkc().collect()))
    }

    /// Whether it can be a new password.
    ///
    /// # Errors
    /// [`Unusable`] says what is wrong, and not what was typed.
    pub fn check(&self) -> Result<(), Unusable> {
        if !(MIN_CHARS..=MAX_CHARS).contains(&self.0.chars().count()) {
            return Err(Unusable("must have 8 to 128 characters"));
        }
        if self.0.chars().any(char::is_control) {
            return Err(Unusable("must not have control characters"));
        }
        Ok(())
    }

    /// What is stored: a PHC string.
    ///
    /// # Errors
    /// [`HashError`].
    pub fn hash(&self, salt: &[u8; SALT_BYTES]) -> Result<String, HashError> {
        let hash: PasswordHash = argon2()?.hash_password_with_salt(self.0.as_bytes(), salt).map_err(HashError)?;
        Ok(hash.to_string())
    }

    /// Whether it is the one that was hashed. Takes as long where there is no hash, and then never fits.
    ///
    /// # Errors
    /// [`HashError`] when the stored hash is none.
    pub fn fits(&self, stored: Option<&str>) -> Result<bool, HashError> {
        let hash = PasswordHash::new(stored.unwrap_or(NOBODY)).map_err(|error| HashError(error.into()))?;
        // What is too long to be a password is not hashed at its full length.
        let typed = self.0.get(..MAX_CHARS * 4).unwrap_or(&self.0);
        let typed = if typed.len() < self.0.len() { "" } else { typed };
        match argon2()?.verify_password(typed.as_bytes(), &hash) {
            Ok(()) => Ok(stored.is_some()),
            Err(argon2::password_hash::Error::PasswordInvalid) => Ok(false),
            Err(error) => Err(HashError(error)),
        }
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(***)")
    }
}

fn argon2() -> Result<Argon2<'static>, HashError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|error| HashError(error.into()))?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_and_no_other() {
        let hash = Password::new("correct horse").hash(&[1; SALT_BYTES]).expect("a hash");
        assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
        assert!(Password::new("correct horse").fits(Some(&hash)).expect("a hash"));
        assert!(!Password::new("correct horsf").fits(Some(&hash)).expect("a hash"));
        assert!(!Password::new(&"x".repeat(1 << 20)).fits(Some(&hash)).expect("a hash"));
        assert_ne!(hash, Password::new("correct horse").hash(&[2; SALT_BYTES]).expect("a hash"), "the salt counts");
    }

    #[test]
    fn nobodys_hash_costs_what_everybodys_does_and_fits_nothing() {
        let own = Password::new("correct horse").hash(&[1; SALT_BYTES]).expect("a hash");
        let cost = |hash: &str| hash.split('$').take(4).collect::<Vec<_>>().join("$");
        assert_eq!(cost(NOBODY), cost(&own));
        for typed in ["", "correct horse", "supergate nobody"] {
            assert!(!Password::new(typed).fits(None).expect("a hash"));
        }
    }

    #[test]
    fn a_letter_and_its_accent_are_the_letter_with_the_accent() {
        let hash = Password::new("caf\u{e9} au lait").hash(&[1; SALT_BYTES]).expect("a hash");
        assert!(Password::new("cafe\u{301} au lait").fits(Some(&hash)).expect("a hash"));
    }

    #[test]
    fn a_new_password_is_long_enough_and_can_be_typed() {
        let (long, longest) = ("x".repeat(129), "x".repeat(128));
        #[rustfmt::skip]
        let table = [
            ("1234567",           false, "seven characters"),
            ("12345678",          true,  "eight"),
            ("ééééé",             false, "characters and not bytes are counted"),
            ("correct horse 漢字", true, "any characters"),
            ("tab\tin a password", false, "a control character"),
            (longest.as_str(),    true,  "128"),
            (long.as_str(),       false, "129"),
        ];
        for (typed, good, why) in table {
            assert_eq!(Password::new(typed).check().is_ok(), good, "{why}");
        }
    }

    #[test]
    fn a_password_does_not_print() {
        assert!(!format!("{:?}", Password::new("canary canary")).contains("canary"));
    }
}
