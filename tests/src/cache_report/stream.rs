//! A stream of questions as they come: each is looked up among those before it, and stored if nothing was found. A hit is wrong if the
//! two have different intents. Intents ignore names and numbers, so what is counted right is not always right, and the pairs say more.

use std::collections::{HashMap, VecDeque};

use serde_json::{Value, json};
use supergate::cache::{
    decide::{Candidate, Choice, Threshold, choose},
    eligibility,
    embed::Embedding,
    guards::Reading,
    text,
};

use crate::{Vectors, pairs::share};

/// As many vectors as a namespace holds.
const MOST_VECTORS: usize = 1_000;
/// As many questions of a file as are asked unless all are wanted: a text takes some milliseconds to embed.
const QUESTIONS: usize = 4_000;

struct Stored<'f> {
    intent: &'f str,
    vector: Embedding,
    reading: Reading,
}

/// Runs a file of `intent, text`, or a part of it.
pub(crate) fn run(name: &str, file: &str, vectors: &mut Vectors, threshold: f32, all: bool) -> Value {
    let mut questions: Vec<(&str, &str)> = file.lines().skip(1).filter_map(|line| line.split_once('\t')).collect();
    shuffle(&mut questions);
    if !all {
        questions.truncate(QUESTIONS);
    }
    vectors.make(questions.iter().map(|(_, question)| *question).filter(|text| eligibility::of_text(text).is_ok()));
    let mut canonical: HashMap<String, &str> = HashMap::new();
    let mut stored: VecDeque<Stored<'_>> = VecDeque::new();
    let [mut t1, mut t1_wrong, mut t2, mut t2_wrong] = [0_usize; 4];
    for (intent, question) in &questions {
        if let Some(before) = canonical.get(&text::canonical(question)) {
            t1 += 1;
            t1_wrong += usize::from(before != intent);
            continue;
        }
        if eligibility::of_text(question).is_ok() {
            let (vector, reading) = (vectors.of(question), Reading::of(question));
            let candidates: Vec<Candidate<'_>> = stored
                .iter()
                .map(|one| Candidate { similarity: one.vector.cosine(&vector), reading: &one.reading })
                .collect();
            if let Choice::Serve(at) = choose(&reading, &candidates, Threshold::in_process(threshold)) {
                t2 += 1;
                t2_wrong += usize::from(stored[at].intent != *intent);
                continue;
            }
            stored.push_back(Stored { intent, vector, reading });
            if stored.len() > MOST_VECTORS {
                stored.pop_front();
            }
        }
        canonical.insert(text::canonical(question), intent);
    }
    let all = questions.len();
    let percent = |part, whole| share(part, whole).map_or(0.0, |share| share * 100.0);
    println!(
        "\nStream {name}: {all} questions; t1 {t1} hits ({:.1} %), {t1_wrong} of another intent; t2 {t2} hits ({:.1} %), {t2_wrong} of another intent",
        percent(t1, all),
        percent(t2, all)
    );
    json!({
        "questions": all, "t1_hits": t1, "t1_errors": t1_wrong, "t2_hits": t2, "t2_errors": t2_wrong,
        "hit_rate": share(t1 + t2, all), "error_rate": share(t1_wrong + t2_wrong, t1 + t2),
    })
}

/// The same order in every run, and not that of the file, which is sorted by intent.
fn shuffle<T>(list: &mut [T]) {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for at in (1..list.len()).rev() {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = usize::try_from(state % (at as u64 + 1)).expect("a place in the list");
        list.swap(at, other);
    }
}
