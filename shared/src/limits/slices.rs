//! DynamoDB writes a thousand kilobytes a second to one item and no more, and each write is of the whole item, in which every running
//! request has its entry: two kilobytes a request at the least, and ten times that where a hundred are running. What has a higher limit is
//! kept in several items: its slices. Each has its share of the limits, so that all of them together never let through more than the limit,
//! and a request asks one of them.
//!
//! Money that must not be exceeded is never shared out: a share could refuse while there is money left, and whoever shares out anew could
//! spend it twice. Where all of an item's requests draw on a hard budget there are no slices, and a request that alone draws on one is
//! counted in the first, where the budget is. What soft budgets have spent is the sum over all slices.
//!
//! A tenant without limits has nothing to share out, and its requests' entries can be anywhere.

use super::policy::LimitRule;
use crate::tenancy::RequestId;

/// How many requests a minute one item takes, if they are short: a hundred a second.
const MOST_OF_ONE: u32 = 6_000;
/// For how many requests a minute there is a slice: a quarter of that, for longer ones, and since chance does not spread them evenly.
const REQUESTS_EACH: u32 = 1_500;
/// The most slices. What looks for all of them asks each.
const MOST_SLICES: u32 = 64;
/// No share is smaller than these, or chance would fill one long before the others: of requests a minute,
const LEAST_REQUESTS: u32 = 1_000;
/// of tokens a minute, which is more than a request for the longest context asks for,
const LEAST_TOKENS: u64 = 1_500_000;
/// and of requests at the same time.
const LEAST_RUNNING: u32 = 50;
/// Over how many items the entries of requests are spread of which nothing is counted.
pub const UNBOUND: u16 = 16;

/// Into how many slices an item is divided: `whole` is the limit of all of its requests, `models` are those of some.
pub fn count(whole: Option<&LimitRule>, models: &[&LimitRule]) -> u16 {
    let wanted = |rule: &&LimitRule| match rule.requests_per_minute {
        Some(requests) if requests > MOST_OF_ONE => requests.div_ceil(REQUESTS_EACH),
        _ => 1,
    };
    let wanted = whole.iter().chain(models).map(wanted).max().unwrap_or(1);
    let most = whole.map_or(MOST_SLICES, most_shares).clamp(1, MOST_SLICES);
    u16::try_from(wanted.min(most)).unwrap_or(1)
}

/// Whether a limit of some of an item's requests is large enough to be shared out. If not, these ask the first slice, which has all of it.
pub fn is_divisible(rule: &LimitRule, count: u16) -> bool {
    u32::from(count) <= most_shares(rule)
}

/// How many shares of a limit are not too small.
fn most_shares(rule: &LimitRule) -> u32 {
    let requests = rule.requests_per_minute.map(|limit| limit / LEAST_REQUESTS);
    let tokens = rule.tokens_per_minute.map(|limit| u32::try_from(limit / LEAST_TOKENS).unwrap_or(u32::MAX));
    let running = rule.concurrency.map(|limit| limit / LEAST_RUNNING);
    [requests, tokens, running].into_iter().flatten().min().unwrap_or(u32::MAX)
}

/// A slice's share. All shares together are the limit.
pub fn share(limit: i64, slice: u16, count: u16) -> i64 {
    let count = i64::from(count.max(1));
    limit / count + i64::from(i64::from(slice) < limit % count)
}

/// Which slice a request asks first: by chance, and always the same.
pub fn first_choice(request: RequestId, count: u16) -> u16 {
    // The last bytes of an id are random.
    let [.., high, low] = request.as_uuid().as_bytes();
    u16::from_be_bytes([*high, *low]) % count.max(1)
}

/// An attribute of the first slice that tells of how many there are, so that whoever adds up finds them all. Of each number another, which
/// stays: where there were once more slices, some of what was spent is still in them.
pub fn marker(count: u16) -> String {
    format!("n{count}")
}

/// Of how many slices an attribute tells.
pub fn marked(attribute: &str) -> Option<u16> {
    attribute.strip_prefix('n').and_then(|count| count.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::LimitScope;
    use std::time::Duration;

    fn rule(requests: u32, tokens: Option<u64>, concurrency: Option<u32>) -> LimitRule {
        let requests_per_minute = (requests > 0).then_some(requests);
        LimitRule { scope: LimitScope::Tenant, requests_per_minute, tokens_per_minute: tokens, concurrency }
    }

    #[test]
    fn what_one_item_takes_is_not_divided() {
        #[rustfmt::skip]
        let table = [
            (Some(rule(600, None, None)),                   vec![],                        1,  "ten a second"),
            (Some(rule(6_000, None, None)),                 vec![],                        1,  "as many as one item takes"),
            (Some(rule(6_001, None, None)),                 vec![],                        5,  "one more"),
            (Some(rule(30_001, None, None)),                vec![],                        21, "more than five hundred a second"),
            (Some(rule(i32::MAX.unsigned_abs(), None, None)), vec![],                      64, "as many as there may be"),
            (Some(rule(60_000, Some(4_500_000), None)),     vec![],                        3,  "a share has room for any request"),
            (Some(rule(60_000, None, Some(100))),           vec![],                        2,  "so few at a time fit into two"),
            (Some(rule(60_000, Some(50_000), None)),        vec![],                        1,  "so few tokens are not spread at all"),
            (Some(rule(0, Some(1_000_000_000), None)),      vec![],                        1,  "tokens do not say how many requests"),
            (None,                                          vec![],                        1,  "no limit"),
            (None,                                          vec![rule(60_000, None, None)], 40, "one of its models has many"),
            (Some(rule(2_000, None, None)),                 vec![rule(60_000, None, None)], 2, "all of them have not"),
            (Some(rule(60_000, None, None)),                vec![rule(5, None, None)],     40, "what one model has too little of is no matter"),
        ];
        for (whole, models, slices, why) in table {
            assert_eq!(count(whole.as_ref(), &models.iter().collect::<Vec<_>>()), slices, "{why}");
        }
        assert!(is_divisible(&rule(4_000, None, None), 4) && !is_divisible(&rule(3_999, None, None), 4));
        assert!(!is_divisible(&rule(5, None, None), 2) && is_divisible(&rule(5, None, None), 0), "a small one is not");
    }

    #[test]
    fn shares_are_the_limit() {
        for limit in [0, 1, 5, 30_001, 1_000_003] {
            for count in [1, 2, 3, 7, 64] {
                let shares: Vec<i64> = (0..count).map(|slice| share(limit, slice, count)).collect();
                assert_eq!(shares.iter().sum::<i64>(), limit, "{limit} in {count}: {shares:?}");
                assert!(shares.iter().max().zip(shares.iter().min()).is_some_and(|(most, least)| most - least <= 1));
            }
        }
    }

    #[test]
    fn chance_spreads_requests_and_a_repetition_goes_where_it_went() {
        let mut slices = [0; 20];
        let mut admitted = 0;
        loop {
            let request = RequestId::generate(Duration::from_secs(1));
            let slice = first_choice(request, 20);
            assert_eq!(slice, first_choice(request, 20));
            slices[usize::from(slice)] += 1;
            if slices[usize::from(slice)] > 1_500 {
                break;
            }
            admitted += 1;
        }
        // Five standard deviations of a share.
        assert!(admitted > 20 * (1_500 - 5 * 39), "{slices:?}");
    }

    #[test]
    fn a_marker_is_read_as_it_was_written() {
        assert_eq!(marked(&marker(17)), Some(17));
        for other in ["n", "nx", "f", "r0mwlkrf2"] {
            assert_eq!(marked(other), None, "{other}");
        }
    }
}
