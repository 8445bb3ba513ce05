//! Whether a key is the one that a row tells of. Takes the same steps whatever the answer is, and whether or not there is a row, so that
//! the time it takes tells nobody which keys there are.

use super::api_key::ApiKey;
use crate::crypto::secret::Peppers;
use std::hint::black_box;
use time::OffsetDateTime;

/// What is stored of a key, as far as the check goes. Nothing in it may be there or not: a step more or less would take time.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// The secret.
    pub secret: StoredSecret,
    /// The one before the last rotation, or [`StoredSecret::NONE`].
    pub previous: StoredSecret,
    /// Until when that one works.
    pub previous_end: End,
    /// Whether somebody ended it.
    pub revoked: bool,
    /// When it ends by itself.
    pub end: End,
    /// Whether its tenant is served.
    pub tenant_active: bool,
}

/// A secret as the database has it.
#[derive(Clone)]
pub struct StoredSecret {
    /// HMAC-SHA-256 under the pepper.
    pub hash: [u8; 32],
    /// Of that version.
    pub pepper_version: i16,
}

/// When something ends, also if it never does: nanoseconds since 1970, because comparing dates stops at the first part that differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct End(i128);

/// A key that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Good {
    /// Until when, if nobody changes it before.
    pub until: Option<OffsetDateTime>,
}

impl StoredSecret {
    /// No key has it: no pepper has that version.
    pub const NONE: Self = Self { hash: [0; 32], pepper_version: i16::MIN };
}

impl End {
    /// Never.
    pub const NEVER: Self = Self(i128::MAX);

    /// At that time.
    pub fn at(time: OffsetDateTime) -> Self {
        Self(time.unix_timestamp_nanos())
    }
}

impl From<Option<OffsetDateTime>> for End {
    fn from(time: Option<OffsetDateTime>) -> Self {
        time.map_or(Self::NEVER, Self::at)
    }
}

const NO_KEY: StoredKey = StoredKey {
    secret: StoredSecret::NONE,
    previous: StoredSecret::NONE,
    previous_end: End::NEVER,
    revoked: true,
    end: End::NEVER,
    tenant_active: false,
};

/// Checks a key against what is stored under its id, if anything is. Two hashes are computed, always.
pub fn check(key: &ApiKey, stored: Option<&StoredKey>, peppers: &Peppers, now: OffsetDateTime) -> Option<Good> {
    // Picked by its place and not by a branch, whose wrong guess would take some nanoseconds where there is no row.
    let stored = [Some(&NO_KEY), stored][usize::from(stored.is_some())].unwrap_or(&NO_KEY);
    let now = End::at(now);
    let is_current = black_box(fits(key, &stored.secret, peppers));
    let is_previous = black_box(fits(key, &stored.previous, peppers)) & (stored.previous_end > now);
    let alive = !stored.revoked & (stored.end > now) & stored.tenant_active;
    if !black_box((is_current | is_previous) & alive) {
        return None;
    }
    let End(until) = if is_current { stored.end } else { stored.end.min(stored.previous_end) };
    // What never ends is no time.
    Some(Good { until: OffsetDateTime::from_unix_timestamp_nanos(until).ok() })
}

/// An unknown version of the pepper takes as long as a known one.
fn fits(key: &ApiKey, stored: &StoredSecret, peppers: &Peppers) -> bool {
    let (pepper, is_its) = peppers.to_check(stored.pepper_version);
    black_box(key.hash(pepper).matches(&stored.hash)) & is_its
}

impl std::fmt::Debug for StoredSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredSecret").field("pepper_version", &self.pepper_version).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{crypto::secret::Pepper, tenancy::KeyId};
    use std::time::Duration as Since;
    use time::{Duration, macros::datetime};

    const NOW: OffsetDateTime = datetime!(2026-06-01 12:00 UTC);

    fn pepper(byte: u8) -> Pepper {
        Pepper::new(vec![byte; 32]).expect("long enough")
    }

    fn stored(key: &ApiKey, byte: u8, pepper_version: i16) -> StoredSecret {
        let hash = key.hash(&pepper(byte)).as_bytes().try_into().expect("32 bytes");
        StoredSecret { hash, pepper_version }
    }

    #[test]
    fn a_key_is_good_if_its_secret_fits_and_nothing_ended_it() {
        let id = KeyId::generate(Since::from_secs(1));
        let (key, older, other) = (ApiKey::new(id, &[1; 32]), ApiKey::new(id, &[2; 32]), ApiKey::new(id, &[3; 32]));
        let peppers = Peppers::new(2, pepper(2), Some(pepper(1)));
        let good = StoredKey {
            secret: stored(&key, 2, 2),
            previous: stored(&older, 1, 1),
            previous_end: End::at(NOW + Duration::HOUR),
            revoked: false,
            end: End::NEVER,
            tenant_active: true,
        };
        let with = |change: fn(&mut StoredKey)| {
            let mut row = good.clone();
            change(&mut row);
            Some(row)
        };
        let in_an_hour = Some(NOW + Duration::HOUR);
        #[rustfmt::skip]
        let table = [
            (&key,   Some(good.clone()),                                  Some(None),       "its secret"),
            (&older, Some(good.clone()),                                  Some(in_an_hour), "the one before, while it overlaps, under the older pepper"),
            (&other, Some(good.clone()),                                  None,             "another secret"),
            (&key,   None,                                                None,             "no row"),
            (&key,   with(|row| row.revoked = true),                      None,             "revoked"),
            (&older, with(|row| row.revoked = true),                      None,             "revoked, the one before with it"),
            (&key,   with(|row| row.tenant_active = false),               None,             "a tenant that is not served"),
            (&key,   with(|row| row.end = End::at(NOW)),              None,             "expired now"),
            (&key,   with(|row| row.end = End::at(NOW + Duration::HOUR)), Some(in_an_hour), "expires in an hour"),
            (&older, with(|row| row.previous = StoredSecret::NONE),                     None,             "no secret before"),
            (&older, with(|row| row.previous_end = End::at(NOW)), None,          "the overlap is over"),
            (&key,   with(|row| row.secret.pepper_version = 1),           None,             "hashed under another pepper than the row says"),
            (&key,   with(|row| row.secret.pepper_version = 0),           None,             "a pepper that is gone"),
            (&key,   with(|row| row.secret.pepper_version = i16::MIN),    None,             "a version that there cannot be"),
        ];
        for (key, row, expected, why) in table {
            assert_eq!(check(key, row.as_ref(), &peppers, NOW), expected.map(|until| Good { until }), "{why}");
        }
    }

    #[test]
    fn a_pepper_that_was_replaced_still_checks_its_rows_until_it_is_forgotten() {
        let key = ApiKey::new(KeyId::generate(Since::from_secs(1)), &[1; 32]);
        let row = StoredKey { secret: stored(&key, 1, 1), revoked: false, tenant_active: true, ..NO_KEY };
        let before = Peppers::new(1, pepper(1), None);
        let rotated = Peppers::new(2, pepper(2), Some(pepper(1)));
        let forgotten = Peppers::new(3, pepper(3), Some(pepper(2)));
        let good = [&before, &rotated, &forgotten].map(|peppers| check(&key, Some(&row), peppers, NOW).is_some());
        assert_eq!(good, [true, true, false]);
    }
}
