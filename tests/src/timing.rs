//! Whether times tell things apart: Welch's t between kinds, over samples in an order that nobody chose, without those that were interrupted,
//! in several rounds (O. Reparaz, J. Balasch, I. Verbauwhede: "Dude, is my code constant time?").
//!
//! A busy machine makes samples wider and t smaller, so it fails no test; what it can do is disturb one side of a round. So it is the median of
//! the rounds that counts, and each test shows with a planted difference that it would have seen one.

/// The usual bound: beyond it the times are of two distributions.
pub const BOUND: f64 = 4.5;
/// The slowest tenth was interrupted.
const KEPT: f64 = 0.9;

/// Numbers without a pattern, the same each time.
pub struct Dice(u64);

/// How much two kinds differ, and which they are.
#[derive(Debug, Clone)]
pub struct Difference {
    /// Welch's t.
    pub t: f64,
    /// Both means.
    pub text: String,
}

impl Dice {
    /// `seed` is not zero.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number below another.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.roll() >> 16).expect("64 bits") % end
    }

    /// So many of each kind, mixed.
    pub fn order(&mut self, kinds: usize, of_each: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..kinds * of_each).map(|i| i % kinds).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, self.below(i + 1));
        }
        order
    }
}

/// The two kinds that differ most. All are cut at the same time, so that cutting makes no difference.
///
/// # Panics
/// Without samples.
pub fn largest(kinds: &[&str], times: &[Vec<f64>]) -> Difference {
    largest_of_the_fastest(KEPT, kinds, times)
}

/// The same among so many of all samples: where what is timed waits for other processes, more of it is disturbed.
///
/// # Panics
/// Without samples.
pub fn largest_of_the_fastest(kept: f64, kinds: &[&str], times: &[Vec<f64>]) -> Difference {
    let mut all: Vec<f64> = times.concat();
    all.sort_by(f64::total_cmp);
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "a place in a list"
    )]
    let cut = all[(all.len() as f64 * kept) as usize];
    let moments: Vec<(f64, f64)> = times.iter().map(|times| moments(times, cut)).collect();
    let mut largest = Difference { t: 0.0, text: String::new() };
    for (i, (mean, error)) in moments.iter().enumerate() {
        for (j, (other, other_error)) in moments.iter().enumerate().skip(i + 1) {
            let t = (mean - other).abs() / (error + other_error).sqrt();
            // What is no number is cut away altogether: nothing differs more.
            if t > largest.t || t.is_nan() {
                let text = format!("{} {mean:.0} ns, {} {other:.0} ns, t = {t:.1}", kinds[i], kinds[j]);
                largest = Difference { t: if t.is_nan() { f64::INFINITY } else { t }, text };
            }
        }
    }
    largest
}

/// The round in the middle.
///
/// # Panics
/// Without rounds.
pub fn median(mut rounds: Vec<Difference>) -> Difference {
    rounds.sort_by(|one, other| one.t.total_cmp(&other.t));
    rounds[rounds.len() / 2].clone()
}

/// Mean, and the square of its standard error.
#[expect(clippy::cast_precision_loss, reason = "a few thousand samples")]
fn moments(times: &[f64], cut: f64) -> (f64, f64) {
    let kept: Vec<f64> = times.iter().copied().filter(|time| *time <= cut).collect();
    let count = kept.len() as f64;
    let mean = kept.iter().sum::<f64>() / count;
    let variance = kept.iter().map(|time| (time - mean).powi(2)).sum::<f64>() / (count - 1.0);
    (mean, variance / count)
}
