//! A small model of budgets, against which a history of reservations is checked. It knows nothing of how they are kept: only that
//! reserved and spent together never exceed a limit, and that nobody is refused who has room.
//!
//! Nobody knows in which order things happened that overlap. So an admission is wrong only if what was certainly taken left no room for
//! it, and a refusal only if what was possibly taken left room.

use std::collections::BTreeMap;

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

/// What is wrong with a history, if anything is.
pub fn faults(limits: &[i64], history: &[Operation]) -> Vec<String> {
    let mut of_budget: BTreeMap<usize, Vec<&Operation>> = BTreeMap::new();
    for operation in history {
        operation.budgets.iter().for_each(|budget| of_budget.entry(*budget).or_default().push(operation));
    }
    let admitted = history.iter().filter(|operation| operation.admitted);
    let mut faults: Vec<String> = admitted
        .flat_map(|operation| operation.budgets.iter().map(move |budget| (operation, *budget)))
        .filter_map(|(operation, budget)| {
            let (_, end) = operation.reserve;
            let taken = taken(&of_budget[&budget], operation, Bound::Certain, (end, end));
            let most = limits[budget] - operation.worst;
            (taken > most).then(|| format!("budget {budget}: admitted at {end} with {taken} taken, {most} would do"))
        })
        .collect();
    for operation in history.iter().filter(|operation| !operation.admitted) {
        let is_full = |budget: &&usize| {
            let taken = taken(&of_budget[budget], operation, Bound::Possible, operation.reserve);
            taken > limits[**budget] - operation.worst
        };
        if !operation.budgets.iter().any(|budget| is_full(&budget)) {
            faults.push(format!("refused at {:?} though each of {:?} had room", operation.reserve, operation.budgets));
        }
    }
    faults
}

#[derive(Clone, Copy)]
enum Bound {
    Certain,
    Possible,
}

/// What others have of a budget within some time.
fn taken(operations: &[&Operation], but: &Operation, bound: Bound, (from, to): (u64, u64)) -> i64 {
    let others = operations.iter().filter(|one| !std::ptr::eq(**one, but));
    others
        .map(|one| match bound {
            // Its answer was there before we asked for ours to be over, and its settlement had not begun to give anything back.
            Bound::Certain if one.admitted && one.reserve.1 < but.reserve.0 => match one.settle {
                Some((begun, _)) if begun <= to => one.actual.min(one.worst),
                _ => one.worst,
            },
            Bound::Certain => 0,
            // It was asked for before ours was over; one that was refused elsewhere had it for a moment.
            Bound::Possible if one.reserve.0 <= to => match one.settle {
                Some((_, done)) if done < from => one.actual,
                _ if one.admitted => one.worst.max(one.actual),
                _ if one.reserve.1 >= from => one.worst,
                _ => 0,
            },
            Bound::Possible => 0,
        })
        .sum()
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
