//! When tier 2 may serve a tenant: only when what it would have served was compared with what the provider said, often enough and with few
//! enough errors that the true rate of errors is below the tenant's limit with 95 % confidence. Pure: counts in, a state out.

/// What was compared since the last change of state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Samples {
    /// Comparisons.
    pub compared: u32,
    /// Those in which the stored answer was not as good.
    pub wrong: u32,
}

/// What tier 2 does for a tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mode {
    /// It looks, compares and serves nothing.
    #[default]
    Shadow,
    /// It serves, and a share of its hits is audited.
    Serving,
}

impl Mode {
    /// As it is stored and shown.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Shadow => "shadow",
            Self::Serving => "serving",
        }
    }
}

/// What a new comparison led to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// From shadow to serving.
    Promoted,
    /// From serving to shadow: an event is raised.
    Demoted,
}

/// A tenant's record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Record {
    /// What tier 2 does.
    pub mode: Mode,
    /// What was compared in this mode.
    pub samples: Samples,
}

/// The tenant's limit of errors per hit if it has none of its own.
pub const DEFAULT_LIMIT: f64 = 0.01;
/// The confidence of the bound.
pub const CONFIDENCE: f64 = 0.95;
/// One hit in so many is audited while tier 2 serves.
pub const AUDIT_ONE_IN: u64 = 20;
/// A serving record forgets at so many samples: half of each count goes, so that what was good last year does not hide what is bad now.
pub const WINDOW: u32 = 4_000;

impl Record {
    /// The record after one more comparison, and what changed.
    ///
    /// Serving begins when the upper bound of the error is below the limit. It ends when more was wrong than the limit allows, of the audits and
    /// the clean comparisons that let it begin.
    #[must_use]
    pub fn after(self, wrong: bool, limit: f64) -> (Self, Option<Change>) {
        let mut samples = Samples {
            compared: self.samples.compared.saturating_add(1),
            wrong: self.samples.wrong.saturating_add(u32::from(wrong)),
        };
        match self.mode {
            Mode::Shadow if upper_bound(samples, CONFIDENCE) < limit => {
                (Self { mode: Mode::Serving, samples: Samples::default() }, Some(Change::Promoted))
            }
            Mode::Serving if wrong && is_too_bad(samples, limit) => {
                (Self { mode: Mode::Shadow, samples: Samples::default() }, Some(Change::Demoted))
            }
            mode => {
                if samples.compared >= WINDOW {
                    samples = Samples { compared: samples.compared / 2, wrong: samples.wrong.div_ceil(2) };
                }
                (Self { mode, samples }, None)
            }
        }
    }
}

/// While it serves, the samples that let it begin stand behind it: as many clean ones as the limit needed are counted with the audits.
fn is_too_bad(samples: Samples, limit: f64) -> bool {
    let behind = clean_samples_needed(limit);
    let all = Samples { compared: samples.compared.saturating_add(behind), wrong: samples.wrong };
    f64::from(all.wrong) > limit * f64::from(all.compared)
}

/// How many comparisons without an error bring the upper bound below a limit: 299 for one in a hundred.
pub fn clean_samples_needed(limit: f64) -> u32 {
    if limit <= 0.0 || limit >= 1.0 {
        return u32::MAX;
    }
    let needed = ((1.0 - CONFIDENCE).ln() / (1.0 - limit).ln()).ceil();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a positive number, cut to the largest there is"
    )]
    let needed = needed.min(f64::from(u32::MAX)) as u32;
    needed
}

/// The one-sided upper Clopper-Pearson bound of an error rate: the rate at which so few errors would have been seen with a probability of
/// only `1 - confidence`. 1 where nothing was compared.
pub fn upper_bound(samples: Samples, confidence: f64) -> f64 {
    let Samples { compared, wrong } = samples;
    if compared == 0 || wrong >= compared {
        return 1.0;
    }
    root(|rate| at_most(wrong, compared, rate) - (1.0 - confidence))
}

/// The one-sided lower bound. 0 where nothing was wrong.
pub fn lower_bound(samples: Samples, confidence: f64) -> f64 {
    let Samples { compared, wrong } = samples;
    if wrong == 0 || compared == 0 {
        return 0.0;
    }
    root(|rate| at_most(wrong - 1, compared, rate) - confidence)
}

/// Where a function that falls from above 0 to below it on 0..1 is 0.
fn root(falling: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if falling(middle) > 0.0 {
            low = middle;
        } else {
            high = middle;
        }
    }
    high
}

/// The probability of at most `wrong` errors in `compared` at a rate, in logarithms, because its terms go below what a double holds.
fn at_most(wrong: u32, compared: u32, rate: f64) -> f64 {
    if rate <= 0.0 {
        return 1.0;
    }
    if rate >= 1.0 {
        return if wrong >= compared { 1.0 } else { 0.0 };
    }
    let odds = (rate / (1.0 - rate)).ln();
    let mut term = f64::from(compared) * (1.0 - rate).ln();
    let mut sum = term.exp();
    for k in 1..=wrong {
        term += (f64::from(compared - k + 1) / f64::from(k)).ln() + odds;
        sum += term.exp();
    }
    sum.min(1.0)
}

/// Whether a hit is audited: by its entry's and its request's own bits, so that a repeated request is not always or never audited.
pub fn is_audited(bits: u64) -> bool {
    bits.is_multiple_of(AUDIT_ONE_IN)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(wrong: u32, compared: u32) -> Samples {
        Samples { compared, wrong }
    }

    #[test]
    fn the_bounds_are_those_of_the_tables() {
        #[rustfmt::skip]
        let table = [
            // wrong, compared, lower, upper at 95 % one-sided
            (0,   299, 0.0,       0.009_969, "the smallest clean record below one in a hundred"),
            (0,   298, 0.0,       0.010_002, "one less is not"),
            (1,   473, 0.000_108, 0.009_990, "with one error it takes 473"),
            (5,    50, 0.040_2,   0.199_1,   "a textbook's"),
            (10,   20, 0.302,     0.698,     "half, symmetric"),
            (0,     0, 0.0,       1.0,       "nothing is known"),
            (3,     3, 0.368_4,   1.0,       "all wrong"),
            (0,   100, 0.0,       0.029_513, "1 - 0.05^(1/100)"),
            (0,    59, 0.0,       0.049_508, "the 59 of acceptance sampling: 95 % sure of less than 5 %"),
            (1,    93, 0.000_551, 0.049_979, "the 93 with one error"),
            (0, 2_995, 0.0,       0.000_999_75, "one in a thousand"),
        ];
        for (wrong, compared, lower, upper, why) in table {
            let samples = samples(wrong, compared);
            assert!((lower_bound(samples, 0.95) - lower).abs() < 5e-4, "{why}: {}", lower_bound(samples, 0.95));
            assert!(
                (upper_bound(samples, 0.95) - upper).abs() < 2e-5_f64.max(upper * 2e-3),
                "{why}: {}",
                upper_bound(samples, 0.95)
            );
        }
        assert_eq!(clean_samples_needed(0.01), 299);
        assert!(upper_bound(samples(0, 299), 0.95) < 0.01 && upper_bound(samples(0, 298), 0.95) >= 0.01);
    }

    #[test]
    fn a_tenant_is_served_after_299_clean_samples_and_not_before() {
        let mut record = Record::default();
        for _ in 0..298 {
            let (next, change) = record.after(false, DEFAULT_LIMIT);
            assert_eq!((next.mode, change), (Mode::Shadow, None));
            record = next;
        }
        let (served, change) = record.after(false, DEFAULT_LIMIT);
        assert_eq!((served.mode, change), (Mode::Serving, Some(Change::Promoted)));
        let (later, _) = record.after(true, DEFAULT_LIMIT);
        assert_eq!(later.mode, Mode::Shadow, "an error in the last sample, and many more are needed");
    }

    #[test]
    fn too_many_wrong_audits_end_serving_and_a_few_among_many_do_not() {
        let serving = Record { mode: Mode::Serving, samples: Samples::default() };
        let (record, change) = serving.after(true, DEFAULT_LIMIT);
        assert_eq!((record.mode, change), (Mode::Serving, None), "one error, 299 clean samples behind it");
        let mut record = record;
        let mut demoted = None;
        for audit in 2..10 {
            let (next, change) = record.after(true, DEFAULT_LIMIT);
            record = next;
            if change == Some(Change::Demoted) {
                demoted = Some(audit);
                break;
            }
        }
        assert_eq!((demoted, record), (Some(4), Record::default()), "and it begins anew");
        let mut record = serving;
        for audit in 0..20_000_u32 {
            let (next, change) = record.after(audit.is_multiple_of(500), DEFAULT_LIMIT);
            assert_eq!(change, None, "two in a thousand are below the limit");
            record = next;
        }
    }

    #[test]
    fn one_hit_in_twenty_is_audited() {
        let audited = (0..20_000_u64).filter(|n| is_audited(n.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 7)).count();
        assert!((800..1_200).contains(&audited), "{audited}");
    }
}
