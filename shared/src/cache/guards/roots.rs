//! What words of one family have in common.

use super::lexicon::lexicon;

/// A word without its ending, hashed; words of one family have one.
pub(super) fn root(word: &str) -> u64 {
    let lexicon = lexicon();
    let known = |word: &str| lexicon.root(word).map(|root| lexicon.root(root).unwrap_or(root).to_owned());
    let root = known(word)
        .or_else(|| stem_of(word).map(|stem| known(&stem).or_else(|| known(&format!("{stem}e"))).unwrap_or(stem)));
    let root = root.as_deref().unwrap_or(word);
    hash(root.strip_suffix('e').unwrap_or(root))
}

/// Without `-ing`, `-ed`, `-ly`; none where nothing was taken off.
pub(super) fn stem_of(word: &str) -> Option<String> {
    if !word.is_ascii() || word.len() < 5 {
        return None;
    }
    let vowel = |stem: &str| stem.contains(['a', 'e', 'i', 'o', 'u', 'y']);
    let cut = |suffix: &str, least: usize| word.strip_suffix(suffix).filter(|stem| stem.len() >= least && vowel(stem));
    if let Some(stem) = cut("ing", 3).or_else(|| cut("ed", 3).filter(|stem| !stem.ends_with('e'))) {
        let bytes = stem.as_bytes();
        let doubled = matches!(bytes, [.., a, b] if a == b && !matches!(a, b'l' | b's' | b'z' | b'e' | b'o'));
        let stem = if doubled { &stem[..stem.len() - 1] } else { stem };
        return Some(match stem.strip_suffix('i') {
            Some(base) => format!("{base}y"),
            None => stem.to_owned(),
        });
    }
    if let Some(stem) = cut("ily", 3) {
        return Some(format!("{stem}y"));
    }
    if let Some(stem) = cut("bly", 3) {
        return Some(format!("{stem}ble"));
    }
    const LY_IS_THE_WORD: &[&str] = &[
        "apply", "reply", "supply", "family", "italy", "early", "daily", "assembly", "multiply", "imply", "comply",
        "belly", "jelly", "bully", "ally", "rally", "likely",
    ];
    cut("ly", 3).filter(|_| !LY_IS_THE_WORD.contains(&word)).map(str::to_owned)
}

/// FNV-1a: what is compared is equal or not, and nobody gains by a collision in a tenant's own namespace.
pub(super) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
