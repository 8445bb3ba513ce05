//! Ids that cannot be swapped. Each is a time-ordered UUID behind a prefix that makes a wrong id visible in a log.

use std::{fmt, str::FromStr, time::Duration};
use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

/// A text that is not an id of that kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a {0} id")]
pub struct InvalidId(&'static str);

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Uuid);

        impl $name {
            /// What the text form begins with.
            pub const PREFIX: &str = $prefix;

            /// A new id of that moment (time since the Unix epoch).
            pub fn generate(now: Duration) -> Self {
                Self(Uuid::new_v7(Timestamp::from_unix(NoContext, now.as_secs(), now.subsec_nanos())))
            }

            /// As the database has it.
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// For the database.
            pub fn as_uuid(&self) -> &Uuid {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}{}", Self::PREFIX, self.0.simple())
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                let raw = text.strip_prefix(Self::PREFIX).ok_or(InvalidId($what))?;
                let id = Uuid::try_parse(raw).map(Self).map_err(|_| InvalidId($what))?;
                // One id has one text: no capitals, hyphens or braces.
                if id.0.simple().encode_lower(&mut Uuid::encode_buffer()) == raw { Ok(id) } else { Err(InvalidId($what)) }
            }
        }
    };
}

id!(
    /// A tenant.
    TenantId, "ten_", "tenant"
);
id!(
    /// An API key's public part.
    KeyId, "key_", "key"
);
id!(
    /// A person with an account, or whom an identity provider vouches for.
    PersonId, "usr_", "person"
);
id!(
    /// A provider's key, sealed.
    CredentialId, "cred_", "credential"
);
id!(
    /// An invitation to join a tenant.
    InvitationId, "inv_", "invitation"
);
id!(
    /// A refresh token's public part.
    RefreshTokenId, "rft_", "refresh token"
);
id!(
    /// A session: all refresh tokens that came from one sign-in.
    SessionId, "ses_", "session"
);
id!(
    /// A budget.
    BudgetId, "bud_", "budget"
);
id!(
    /// A price.
    PriceId, "prc_", "price"
);
id!(
    /// An administrative act.
    AuditId, "aud_", "audit"
);
id!(
    /// An answer in the cache.
    CacheEntryId, "che_", "cache entry"
);
id!(
    /// One request of a caller; also the ledger's key.
    RequestId, "req_", "request"
);

impl TenantId {
    /// The deployment itself: its members are operators, its credentials serve whoever has none. A constant of the database too.
    pub const PLATFORM: Self = Self(Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000));
}

impl RequestId {
    /// When the request came: its id begins with that, in milliseconds.
    pub fn time(&self) -> OffsetDateTime {
        let millis = self.0.as_u128() >> 80;
        let nanos = i128::try_from(millis * 1_000_000).unwrap_or(0);
        OffsetDateTime::from_unix_timestamp_nanos(nanos).unwrap_or(OffsetDateTime::UNIX_EPOCH)
    }
}

impl PersonId {
    /// Of whom an identity provider calls `subject`. The same every time, so that the ledger can tell people apart who have no account.
    pub fn of_subject(issuer: &str, subject: &str) -> Self {
        Self(Uuid::new_v5(&Uuid::NAMESPACE_URL, format!("{}:{issuer}{subject}", issuer.len()).as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_of_one_kind_is_none_of_another() {
        let tenant = TenantId::generate(Duration::from_secs(1));
        assert_eq!(tenant.to_string().parse(), Ok(tenant));
        assert_eq!(tenant.to_string().parse::<KeyId>(), Err(InvalidId("key")));
    }

    #[test]
    fn an_id_has_one_text() {
        let tenant = TenantId::generate(Duration::from_secs(1));
        for other in [tenant.as_uuid().hyphenated().to_string(), tenant.as_uuid().braced().to_string()] {
            assert!(format!("ten_{other}").parse::<TenantId>().is_err(), "{other}");
        }
        let capitals = format!("ten_{:X}", tenant.as_uuid().simple());
        assert!(capitals.parse::<TenantId>().is_err(), "{capitals}");
    }

    #[test]
    fn a_later_id_sorts_later() {
        assert!(RequestId::generate(Duration::from_millis(1)) < RequestId::generate(Duration::from_millis(2)));
    }
}
