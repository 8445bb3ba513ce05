//! Whether a key is the one that a row tells of. Takes the same steps whatever the answer is, and whether or not there is a row, so that
//! the time it takes tells nobody which keys there are.

use super::api_key::ApiKey;
use crate::crypto::secret::Peppers;
use std::hint::black_box;
use time::{OffsetDateTime, macros::datetime};

/// What is stored of a key, as far as the check goes.
#[derive(Debug, Clone)]
pub struct StoredKey {
    /// The secret.
    pub secret: StoredSecret,
    /// The one before the last rotation, and until when it works.
    pub previous: Option<(StoredSecret, OffsetDateTime)>,
    /// Whether somebody ended it.
    pub revoked: bool,
    /// When it ends by itself.
    pub expires_at: Option<OffsetDateTime>,
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

/// A key that is good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Good {
    /// Until when, if nobody changes it before.
    pub until: Option<OffsetDateTime>,
}

const NEVER: OffsetDateTime = datetime!(9999-12-31 23:59:59 UTC);
/// No key has it: no pepper has that version.
const NO_SECRET: StoredSecret = StoredSecret { hash: [0; 32], pepper_version: i16::MIN };
const NO_KEY: StoredKey =
    StoredKey { secret: NO_SECRET, previous: None, revoked: true, expires_at: None, tenant_active: false };

/// Checks a key against what is stored under its id, if anything is. Two hashes are computed, always.
pub fn check(key: &ApiKey, stored: Option<&StoredKey>, peppers: &Peppers, now: OffsetDateTime) -> Option<Good> {
    let stored = stored.unwrap_or(&NO_KEY);
    let (previous, until) = match &stored.previous {
        Some((secret, until)) => (secret, *until),
        None => (&NO_SECRET, OffsetDateTime::UNIX_EPOCH),
    };
    let is_current = black_box(fits(key, &stored.secret, peppers));
    let is_previous = black_box(fits(key, previous, peppers)) & (until > now);
    // Compared whether or not it has an end, and as a number: comparing dates stops at the first part that differs.
    let ends = stored.expires_at.unwrap_or(NEVER).unix_timestamp_nanos();
    let alive = !stored.revoked & (ends > now.unix_timestamp_nanos()) & stored.tenant_active;
    if !black_box((is_current | is_previous) & alive) {
        return None;
    }
    let until = if is_current { None } else { Some(until) };
    Some(Good { until: [stored.expires_at, until].into_iter().flatten().min() })
}

/// An unknown version of the pepper takes as long as a known one.
fn fits(key: &ApiKey, stored: &StoredSecret, peppers: &Peppers) -> bool {
    let pepper = peppers.of_version(stored.pepper_version);
    let same = key.hash(pepper.unwrap_or(peppers.current())).matches(&stored.hash);
    black_box(same) & pepper.is_some()
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
    use time::Duration;

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
            previous: Some((stored(&older, 1, 1), NOW + Duration::HOUR)),
            revoked: false,
            expires_at: None,
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
            (&key,   with(|row| row.expires_at = Some(NOW)),              None,             "expired now"),
            (&key,   with(|row| row.expires_at = Some(NOW + Duration::HOUR)), Some(in_an_hour), "expires in an hour"),
            (&older, with(|row| row.previous = None),                     None,             "no secret before"),
            (&older, with(|row| row.previous.as_mut().expect("one").1 = NOW), None,          "the overlap is over"),
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
