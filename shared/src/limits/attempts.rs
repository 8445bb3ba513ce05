//! How often a password may be guessed: so many failures for one account and from one address in a window of time.

use std::{net::IpAddr, time::Duration};

/// How many attempts are enough.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// Windows follow each other without a gap; each counts anew.
    pub window: Duration,
    /// For one account, from wherever.
    pub per_account: u64,
    /// From one address, for whatever accounts. More: many people can share one.
    pub per_address: u64,
}

/// A window of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// In seconds since the Unix epoch.
    pub begins: u64,
    /// In seconds since the Unix epoch.
    pub ends: u64,
}

impl Policy {
    /// The window of that moment (time since the Unix epoch).
    pub fn window_at(&self, now: Duration) -> Window {
        let seconds = self.window.as_secs().max(1);
        let begins = now.as_secs() - now.as_secs() % seconds;
        Window { begins, ends: begins.saturating_add(seconds) }
    }
}

impl Window {
    /// How long it still lasts, in whole seconds, at least one.
    pub fn seconds_left(&self, now: Duration) -> u64 {
        self.ends.saturating_sub(now.as_secs()).max(1)
    }
}

/// What attempts from an address are counted under: of IPv6 the first 64 bits, since whoever has one address has all of those.
pub fn origin(address: &str) -> String {
    match address.parse() {
        Ok(IpAddr::V6(address)) if address.to_ipv4_mapped().is_none() => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
        _ => address.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_follow_each_other() {
        let policy = Policy { window: Duration::from_secs(900), per_account: 1, per_address: 1 };
        #[rustfmt::skip]
        let table = [
            (0,    (0, 900),    900, "the first second"),
            (899,  (0, 900),    1,   "the last second"),
            (900,  (900, 1800), 900, "the next window"),
            (1000, (900, 1800), 800, "in the middle"),
        ];
        for (now, (begins, ends), left, why) in table {
            let now = Duration::from_secs(now);
            let window = policy.window_at(now);
            assert_eq!((window, window.seconds_left(now)), (Window { begins, ends }, left), "{why}");
        }
    }

    #[test]
    fn who_has_one_ipv6_address_has_many() {
        #[rustfmt::skip]
        let table = [
            ("203.0.113.10",             "203.0.113.10",          "IPv4 as it is"),
            ("2001:db8:1:2:3:4:5:6",     "2001:db8:1:2::/64",     "the network of an IPv6 address"),
            ("2001:db8:1:2:ffff::1",     "2001:db8:1:2::/64",     "another address of it"),
            ("2001:db8:1:3::1",          "2001:db8:1:3::/64",     "another network"),
            ("::ffff:203.0.113.10",      "::ffff:203.0.113.10",   "an IPv4 address in IPv6's clothes is one address"),
            ("unknown",                  "unknown",               "whatever else is counted as it is"),
        ];
        for (address, counted_under, why) in table {
            assert_eq!(origin(address), counted_under, "{why}");
        }
    }
}
