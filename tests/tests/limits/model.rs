//! A small model of budgets, against which a history of reservations is checked. It knows nothing of how they are kept: only that
//! reserved and spent together never exceed a limit, and that nobody is refused who has room.
//!
//! Nobody knows in which order things happened that overlap. So an admission is wrong only if what was certainly taken left no room for
//! it, and a refusal only if what was possibly taken left room.

/// One request, in the order of a clock that all share.
#[derive(Debug, Clone, Default)]
pub struct Operation {
    pub budgets: Vec<usize>,
    pub worst: i64,
    pub actual: i64,
    /// When it was asked for, and when the answer was there.
    pub reserve: (u64, u64),
    pub admitted: bool,
    /// When it was settled; none: never.
    pub settle: Option<(u64, u64)>,
}

/// What is wrong with a history, if anything is. It takes as long as sorting it does: a long run has hundreds of thousands.
pub fn faults(limits: &[i64], history: &[Operation]) -> Vec<String> {
    let sums: Vec<Sums> = (0..limits.len()).map(|budget| Sums::of(budget, history)).collect();
    let mut faults = Vec::new();
    for operation in history {
        let (begun, end) = operation.reserve;
        if operation.admitted {
            for &budget in &operation.budgets {
                let (taken, most) = (sums[budget].certain(operation), limits[budget] - operation.worst);
                if taken > most {
                    faults.push(format!("budget {budget}: admitted at {end} with {taken} taken, {most} would do"));
                }
            }
        } else {
            let is_full = |budget: &usize| sums[*budget].possible(operation) > limits[*budget] - operation.worst;
            if !operation.budgets.iter().any(is_full) {
                faults.push(format!("refused at {:?} though each of {:?} had room", (begun, end), operation.budgets));
            }
        }
    }
    faults
}

/// Amounts of a budget by when something happened, each with the sum of all up to it.
#[derive(Default)]
struct Moments(Vec<(u64, i64)>);

impl Moments {
    fn of(amounts: impl Iterator<Item = (u64, i64)>) -> Self {
        let mut all: Vec<_> = amounts.collect();
        all.sort_unstable();
        let mut sum = 0;
        for (_, amount) in &mut all {
            sum += *amount;
            *amount = sum;
        }
        Self(all)
    }

    fn before(&self, at: u64) -> i64 {
        let count = self.0.partition_point(|(moment, _)| *moment < at);
        count.checked_sub(1).map_or(0, |last| self.0[last].1)
    }

    fn until(&self, at: u64) -> i64 {
        self.before(at + 1)
    }
}

/// What became of a budget, in sums.
struct Sums {
    /// What was reserved, by when the answer was there.
    held: Moments,
    /// What a settlement gave back, by when it began, and of each when its reservation was there.
    given_back: Moments,
    settled: Vec<(u64, u64, i64)>,
    /// The most that an admitted request had, by when it was asked for, and what of that it did not use, by when that was given back.
    most: Moments,
    unused: Moments,
    /// What refused requests asked for, by when they did, and by when they were told: in between they may have had it for a moment.
    tried: Moments,
    told: Moments,
}

impl Sums {
    fn of(budget: usize, history: &[Operation]) -> Self {
        let all = || history.iter().filter(move |one| one.budgets.contains(&budget));
        let admitted = || all().filter(|one| one.admitted);
        let refused = || all().filter(|one| !one.admitted);
        let settled = || admitted().filter_map(|one| Some((one, one.settle?)));
        let back = |one: &Operation| one.worst - one.actual.min(one.worst);
        let most = |one: &Operation| one.worst.max(one.actual);
        let mut by_begin: Vec<_> = settled().map(|(one, (begun, _))| (begun, one.reserve.1, back(one))).collect();
        by_begin.sort_unstable();
        Self {
            held: Moments::of(admitted().map(|one| (one.reserve.1, one.worst))),
            given_back: Moments::of(settled().map(|(one, (begun, _))| (begun, back(one)))),
            settled: by_begin,
            most: Moments::of(admitted().map(|one| (one.reserve.0, most(one)))),
            unused: Moments::of(settled().map(|(one, (_, done))| (done, most(one) - one.actual))),
            tried: Moments::of(refused().map(|one| (one.reserve.0, one.worst))),
            told: Moments::of(refused().map(|one| (one.reserve.1, one.worst))),
        }
    }

    /// What others certainly had all the time that this was being admitted: their answer was there before it was asked for, and their
    /// settlement had not begun to give anything back before its own answer was there.
    fn certain(&self, but: &Operation) -> i64 {
        let (from, to) = but.reserve;
        let first = self.settled.partition_point(|(begun, ..)| *begun < from);
        let meanwhile = self.settled[first..].iter().take_while(|(begun, ..)| *begun <= to);
        let of_earlier: i64 = meanwhile.filter(|(_, held, _)| *held < from).map(|(_, _, back)| back).sum();
        self.held.before(from) - self.given_back.before(from) - of_earlier
    }

    /// What others possibly had at some time while this, which was refused, was being asked for.
    fn possible(&self, but: &Operation) -> i64 {
        let (from, to) = but.reserve;
        let of_refused = self.tried.until(to) - self.told.before(from) - but.worst;
        self.most.until(to) - self.unused.before(from) + of_refused
    }
}

#[test]
fn the_model_finds_what_is_wrong() {
    let taken =
        |reserve, settle, actual| Operation { budgets: vec![0], worst: 10, actual, reserve, admitted: true, settle };
    let refused = |reserve| Operation { budgets: vec![0], worst: 10, reserve, ..Operation::default() };
    #[rustfmt::skip]
    let table = [
        (vec![taken((1, 2), None, 0)],                                              0, "the first"),
        (vec![taken((1, 2), None, 0), taken((3, 4), None, 0)],                      1, "two where one fits"),
        (vec![taken((1, 4), None, 0), taken((2, 3), None, 0)],                      0, "two that overlap: nobody knows, the sum at the end tells"),
        (vec![taken((1, 2), Some((3, 4)), 0), taken((5, 6), None, 0)],              0, "after it was given back"),
        (vec![taken((1, 2), Some((3, 4)), 9), taken((5, 6), None, 0)],              1, "after too little of it was given back"),
        (vec![refused((1, 2))],                                                     1, "refused with nobody there"),
        (vec![taken((1, 2), None, 0), refused((3, 4))],                             0, "refused where one is"),
        (vec![taken((1, 2), Some((3, 4)), 0), refused((5, 6))],                     1, "refused after it was given back"),
        (vec![taken((1, 2), Some((3, 6)), 0), refused((4, 5))],                     0, "while it was being given back"),
    ];
    for (history, count, why) in table {
        let found = faults(&[10], &history);
        assert_eq!(found.len(), count, "{why}: {found:?}");
    }
}

/// The same by its definition: each operation is held against all others.
mod plainly {
    use super::Operation;

    pub(super) fn certain(others: &[&Operation], but: &Operation) -> i64 {
        let (from, to) = but.reserve;
        let before = others.iter().filter(|one| one.admitted && one.reserve.1 < from);
        before
            .map(|one| match one.settle {
                Some((begun, _)) if begun <= to => one.actual.min(one.worst),
                _ => one.worst,
            })
            .sum()
    }

    pub(super) fn possible(others: &[&Operation], but: &Operation) -> i64 {
        let (from, to) = but.reserve;
        let asked = others.iter().filter(|one| one.reserve.0 <= to);
        asked
            .map(|one| match one.settle {
                Some((_, done)) if done < from => one.actual,
                _ if one.admitted => one.worst.max(one.actual),
                _ if one.reserve.1 >= from => one.worst,
                _ => 0,
            })
            .sum()
    }
}

#[test]
fn the_sums_are_what_each_operation_held_against_all_others_comes_to() {
    let mut random = super::races::Random(7);
    for _ in 0..40 {
        // Who is admitted is left to chance, so that there is much to find.
        let mut moments: Vec<u64> = (0..400).collect();
        let mut take = |random: &mut super::races::Random, count: usize| {
            let mut some: Vec<u64> =
                (0..count).map(|_| moments.swap_remove(random.index(moments.len() as u64))).collect();
            some.sort_unstable();
            some
        };
        let mut history = Vec::new();
        for _ in 0..100 {
            let at = take(&mut random, 4);
            let (admitted, worst) = (random.below(2) == 0, random.nanos(1, 50));
            history.push(Operation {
                budgets: vec![0],
                worst,
                actual: if admitted { random.nanos(0, worst + 10) } else { 0 },
                reserve: (at[0], at[1]),
                admitted,
                settle: (admitted && random.below(3) > 0).then(|| (at[2], at[3])),
            });
        }
        let sums = Sums::of(0, &history);
        for one in &history {
            let others: Vec<&Operation> = history.iter().filter(|other| !std::ptr::eq(*other, one)).collect();
            if one.admitted {
                assert_eq!(sums.certain(one), plainly::certain(&others, one), "{one:?} in {history:?}");
            } else {
                assert_eq!(sums.possible(one), plainly::possible(&others, one), "{one:?} in {history:?}");
            }
        }
    }
}
