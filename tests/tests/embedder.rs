//! The embedder that set-up makes, against what the model's own weights and its own tokenizer say. Run by `make test`, which makes the file.

use std::{fs, sync::LazyLock};
use supergate::cache::embed::{BrokenEmbedder, BrokenFile, Embedder, Embedding, MiniLm};

static FILE: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let path = std::env::var("SUPERGATE_TEST_EMBEDDER").expect("SUPERGATE_TEST_EMBEDDER: `make test` sets it");
    fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
});
static EMBEDDER: LazyLock<MiniLm> = LazyLock::new(|| MiniLm::new(FILE.clone()).expect("an embedder"));

const CLS: i32 = 101;
const SEP: i32 = 102;
const UNK: i32 = 100;

#[test]
fn cosines_of_200_texts_are_those_of_the_models_own_weights() {
    const TOLERANCE: f32 = 0.005;
    let rows: Vec<(f32, f32, &str)> = include_str!("embedder/cosines.tsv")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.splitn(3, '\t');
            let mut number = || columns.next().expect("a column").parse::<f32>().expect("a cosine");
            (number(), number(), columns.next().expect("a text"))
        })
        .collect();
    assert_eq!(rows.len(), 200);
    let vectors: Vec<Embedding> = rows.iter().map(|(.., text)| EMBEDDER.embed(text).expect(text)).collect();
    for (at, (next, seventh, text)) in rows.iter().enumerate() {
        for (step, expected) in [(1, next), (7, seventh)] {
            let other = (at + step) % rows.len();
            let cosine = vectors[at].cosine(&vectors[other]);
            assert!((cosine - expected).abs() < TOLERANCE, "{text:?}, {:?}: {cosine}, not {expected}", rows[other].2);
        }
    }
}

#[test]
fn texts_are_cut_into_the_tokens_that_the_model_was_trained_with() {
    let a_hundred = "x".repeat(100);
    let too_long = "x".repeat(101);
    let xs: Vec<i32> = [22038].into_iter().chain([20348; 49]).collect();
    #[rustfmt::skip]
    let table: &[(&str, &[i32], &str)] = &[
        ("How do I reset my password?", &[2129, 2079, 1045, 25141, 2026, 20786, 1029], "words, and punctuation by itself"),
        ("", &[], "nothing"),
        ("   \t\n ", &[], "no more than nothing"),
        ("unaffable embeddings", &[14477, 20961, 3468, 7861, 8270, 4667, 2015], "a rare word is pieces of known ones"),
        ("Crème BRÛLÉE naïve", &[13675, 21382, 7987, 9307, 2063, 15743], "case and accents are dropped"),
        ("naïve cafe\u{301}", &[15743, 7668], "however an accent is written"),
        ("e\u{301}\u{323}", &[1041], "or how many there are"),
        ("İstanbul ẞ ß Σίσυφος", &[9960, 1096, 1096, 1173, 18199, 29733, 29735, 29736, 15297], "case of other alphabets"),
        ("東京タワー is tall", &[1879, 1755, 1709, 30262, 30265, 2003, 4206], "a Chinese character is a word, a Japanese syllable is not"),
        ("한국어", &[1469, 30006, 30021, 29991, 30014, 30020, 29999, 30008, ], "Korean syllables come apart"),
        ("hello😀world 🚀🚀", &[UNK, UNK], "an emoji is a letter of its word, and makes it unknown"),
        ("a\0b\u{200b}c\u{fffd}d\u{ad}e\u{7}f", &[5925, 3207, 2546], "controls and what is invisible are left out"),
        ("x\u{b}y\u{c}z", &[1060, 2100, 2480], "the vertical tab and the form feed divide words"),
        ("₿itcoin\u{2028}line\u{2029}para\u{a0}nbsp\u{3000}ideo", &[UNK, 2240, 11498, 1050, 5910, 2361, 8909, 8780], "so does every kind of space"),
        ("don't stop—now…", &[2123, 1005, 1056, 2644, 1517, 2085, 1529], "punctuation beyond ASCII"),
        ("1,234.56€ ½ ²", &[1015, 1010, 22018, 1012, 5179, 30102, 1092, 1082], "numbers, a currency, a fraction"),
        ("ﬁne print", &[1984, 2638, 6140], "a ligature is a letter"),
        ("\u{1fef}`^~|", &[1036, 1036, 1034, 1066, 1064], "ASCII's symbols are punctuation"),
        ("qwzxvqwzxvqwzxv", &[1053, 2860, 2480, 2595, 2615, 4160, 2860, 2480, 2595, 2615, 4160, 2860, 2480, 2595, 2615], "letters if nothing else"),
        (&a_hundred, &xs, "a long word"),
        (&too_long, &[UNK], "a longer one is not looked at"),
    ];
    for (text, expected, why) in table {
        let tokens = EMBEDDER.vocabulary().tokens(text, 512);
        assert_eq!(tokens, [&[CLS], *expected, &[SEP]].concat(), "{text:?}: {why}");
    }
    assert_eq!(EMBEDDER.vocabulary().vocabulary_size(), 30_522);
}

#[test]
fn the_model_is_told_no_secrets_by_a_text_that_names_its_own_tokens() {
    let tokens = EMBEDDER.vocabulary().tokens("[CLS] hi [SEP]", 512);
    assert_eq!(tokens.iter().filter(|id| [CLS, SEP].contains(id)).count(), 2, "{tokens:?}");
}

#[test]
fn a_long_text_is_cut_and_still_ends_as_it_should() {
    for most in [2, 3, 256, 512] {
        let tokens = EMBEDDER.vocabulary().tokens(&"word ".repeat(600), most);
        assert_eq!((tokens.len(), tokens[0], tokens[most - 1]), (most, CLS, SEP));
    }
    let shared = "word ".repeat(254);
    let (one, other) = (EMBEDDER.embed(&shared), EMBEDDER.embed(&format!("{shared}and something else")));
    assert_eq!(one.expect("a vector"), other.expect("a vector"), "what is behind the 256th token is not read");
}

#[test]
fn every_text_has_a_vector_of_length_one() {
    let megabyte = "never ending ".repeat(80_000);
    let word = "a".repeat(1 << 20);
    for text in ["", "?", "\0", "\u{301}", "🚀", "a", &megabyte, &word] {
        let vector = EMBEDDER.embed(text).expect("a vector");
        assert_eq!(vector.as_slice().len(), 384);
        assert!((vector.cosine(&vector) - 1.0).abs() < 1e-5, "{}", text.len());
    }
}

#[test]
fn a_file_that_is_damaged_or_something_else_makes_no_embedder() {
    let damaged = |at: usize| {
        let mut bytes = FILE.clone();
        bytes[at] ^= 1;
        MiniLm::new(bytes).err()
    };
    assert!(matches!(damaged(0), Some(BrokenEmbedder::File(BrokenFile::NotOurs))));
    for at in [30, 60, FILE.len() / 2, FILE.len() - 1] {
        assert!(matches!(damaged(at), Some(BrokenEmbedder::File(BrokenFile::Damaged))), "byte {at}");
    }
    for bytes in [Vec::new(), b"PK\x03\x04".to_vec(), FILE[..1 << 20].to_vec()] {
        assert!(matches!(MiniLm::new(bytes), Err(BrokenEmbedder::File(_))));
    }
}

#[test]
fn the_name_says_which_model_and_how_it_was_made() {
    assert_eq!(EMBEDDER.name(), "all-MiniLM-L6-v2/1");
}
