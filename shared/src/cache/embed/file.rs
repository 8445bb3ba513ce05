//! The file that an embedder is made of; infra/local/minilm.py makes it. A line with the version, the SHA-256 of what follows, the model's name,
//! the vocabulary (both after their lengths as 32 bits, little-endian), and the network.

use sha2::{Digest, Sha256};

const FIRST_LINE: &[u8] = b"supergate embedder 1\n";
const HASH_BYTES: usize = 32;
const LENGTH_BYTES: usize = 4;

/// What is in the file.
#[derive(Debug)]
pub struct EmbedderFile {
    /// The model, and how it was made into numbers.
    pub name: String,
    /// Its words, one to a line; the number of the line is the token.
    pub vocabulary: String,
    /// The network, as ONNX.
    pub network: Vec<u8>,
}

/// Why a file is none that an embedder can be made of.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum BrokenFile {
    /// Its first line is another one.
    #[error("it is not an embedder's file of this version")]
    NotOurs,
    /// Its contents are not those that it was made with.
    #[error("the embedder's file is damaged or not whole")]
    Damaged,
}

impl EmbedderFile {
    /// Reads a file, and sees whether it is whole: weights with a bit changed would still give vectors, only wrong ones.
    ///
    /// # Errors
    /// [`BrokenFile`].
    pub fn read(mut bytes: Vec<u8>) -> Result<Self, BrokenFile> {
        let rest = bytes.strip_prefix(FIRST_LINE).ok_or(BrokenFile::NotOurs)?;
        let (hash, contents) = rest.split_at_checked(HASH_BYTES).ok_or(BrokenFile::Damaged)?;
        if Sha256::digest(contents)[..] != *hash {
            return Err(BrokenFile::Damaged);
        }
        let (name, after) = text(contents).ok_or(BrokenFile::Damaged)?;
        let (vocabulary, network) = text(after).ok_or(BrokenFile::Damaged)?;
        let before_network = bytes.len() - network.len();
        bytes.drain(..before_network);
        Ok(Self { name, vocabulary, network: bytes })
    }
}

/// A text after its length, and what follows it.
fn text(bytes: &[u8]) -> Option<(String, &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<LENGTH_BYTES>()?;
    let (text, rest) = rest.split_at_checked(usize::try_from(u32::from_le_bytes(*length)).ok()?)?;
    Some((String::from_utf8(text.to_vec()).ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(contents: &[u8]) -> Vec<u8> {
        [FIRST_LINE, &Sha256::digest(contents), contents].concat()
    }

    fn whole() -> Vec<u8> {
        file(b"\x04\0\0\0name\x06\0\0\0[PAD]\nnetwork")
    }

    #[test]
    fn a_whole_file_is_read() {
        let EmbedderFile { name, vocabulary, network } = EmbedderFile::read(whole()).expect("a whole file");
        assert_eq!((name.as_str(), vocabulary.as_str(), &network[..]), ("name", "[PAD]\n", &b"network"[..]));
    }

    #[test]
    fn a_file_with_any_bit_changed_or_any_byte_missing_is_broken() {
        let whole = whole();
        for at in 0..whole.len() {
            for bit in 0..8 {
                let mut changed = whole.clone();
                changed[at] ^= 1 << bit;
                assert!(EmbedderFile::read(changed).is_err(), "bit {bit} of byte {at}");
            }
            assert!(EmbedderFile::read(whole[..at].to_vec()).is_err(), "only {at} bytes");
        }
        assert_eq!(EmbedderFile::read([&whole[..], b"more"].concat()).err(), Some(BrokenFile::Damaged));
    }

    #[test]
    fn lengths_that_reach_further_than_the_file_are_refused() {
        for contents in [&b"\xff\xff\xff\xffname"[..], b"\x04\0\0\0name\x07\0\0\0vocab", b"\x01\0\0\0\xff\0\0\0\0", b""]
        {
            assert_eq!(EmbedderFile::read(file(contents)).err(), Some(BrokenFile::Damaged), "{contents:?}");
        }
    }
}
