//! Identity providers that vouch for people: whose tokens count, with which keys, and which tenant and role their claims give.

use super::{
    PersonId, Role, TenantId,
    jwt::{Claims, Jwt, Refused, Signature},
};
use crate::openai::json;
use jsonwebtoken::{
    DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt, time::Duration};
use url::{Host, Url};

/// How far an issuer's clock may be ahead of ours.
const SKEW: Duration = Duration::from_secs(60);
/// How many keys of an issuer are kept. Most have two.
const MAX_KEYS: usize = 50;

/// An identity provider of the configuration.
#[derive(Debug, Clone)]
pub struct Issuer {
    name: String,
    audience: String,
    jwks_url: Url,
    tenant: TenantRule,
    role: RoleRule,
}

/// Whom an issuer vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vouched {
    /// The same for the same subject every time.
    pub person: PersonId,
    /// Whose rows they may see.
    pub tenant: TenantId,
    /// What they may do.
    pub role: Role,
    /// When the token ends, since the Unix epoch.
    pub ends: Duration,
}

#[derive(Debug, Clone)]
enum TenantRule {
    Fixed(TenantId),
    /// A claim's values and their tenants; none: the value is the tenant's id.
    Claim(String, Option<BTreeMap<String, TenantId>>),
}

#[derive(Debug, Clone)]
struct RoleRule {
    /// A claim's values and their roles; none: the value is the role's name.
    claim: Option<(String, Option<BTreeMap<String, Role>>)>,
    /// For whom the claim gives none.
    otherwise: Option<Role>,
}

/// An issuer as the configuration has it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    issuer: String,
    audience: String,
    jwks_url: String,
    tenant: Option<String>,
    tenant_claim: Option<String>,
    tenants: Option<BTreeMap<String, String>>,
    role: Option<String>,
    role_claim: Option<String>,
    roles: Option<BTreeMap<String, String>>,
}

impl Issuer {
    /// Reads the configuration's list of issuers.
    ///
    /// # Errors
    /// Every fault, each in words that say what to change.
    pub fn read_all(text: &str) -> Result<Vec<Self>, Vec<String>> {
        let written: Vec<Written> =
            serde_json::from_str(text).map_err(|error| vec![format!("must be a JSON array of issuers: {error}")])?;
        let mut faults = Vec::new();
        let mut issuers: Vec<Self> = Vec::new();
        for (i, one) in written.into_iter().enumerate() {
            let known = issuers.iter().any(|issuer| issuer.name == one.issuer);
            if known || one.issuer.is_empty() || one.issuer == super::access_token::ISSUER {
                faults.push(format!("[{i}].issuer must be the `iss` of the tokens, and of one issuer only"));
            }
            let mut of_one = Vec::new();
            issuers.extend(one.check(&mut of_one));
            faults.extend(of_one.into_iter().map(|fault| format!("[{i}].{fault}")));
        }
        if faults.is_empty() { Ok(issuers) } else { Err(faults) }
    }

    /// The `iss` of its tokens.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where its keys are.
    pub fn jwks_url(&self) -> &Url {
        &self.jwks_url
    }

    /// Whom a token vouches for.
    ///
    /// # Errors
    /// [`Refused`] when it is not this issuer's, not for us, not of now, or gives no tenant or no role.
    pub fn vouch(&self, claims: &Claims, now: Duration) -> Result<Vouched, Refused> {
        let ends = claims.check(&self.name, &self.audience, now, SKEW)?;
        let subject = claims.text("sub").filter(|subject| !subject.is_empty()).ok_or(Refused("without a subject"))?;
        let tenant = self.tenant.of(claims).ok_or(Refused("its claims give no tenant"))?;
        let role = self.role.of(claims).ok_or(Refused("its claims give no role"))?;
        if role == Role::Operator && tenant != TenantId::PLATFORM {
            return Err(Refused("operators are of the platform and of no tenant"));
        }
        Ok(Vouched { person: PersonId::of_subject(&self.name, subject), tenant, role, ends })
    }
}

impl TenantRule {
    fn of(&self, claims: &Claims) -> Option<TenantId> {
        match self {
            Self::Fixed(tenant) => Some(*tenant),
            Self::Claim(name, Some(tenants)) => tenants.get(claims.text(name)?).copied(),
            // Who may name any tenant may still not name the platform: only the configuration can.
            Self::Claim(name, None) => claims.text(name)?.parse().ok().filter(|tenant| *tenant != TenantId::PLATFORM),
        }
    }
}

impl RoleRule {
    /// The highest that a claim gives; what the claim does not say is never more than `otherwise`.
    fn of(&self, claims: &Claims) -> Option<Role> {
        let claimed = self.claim.as_ref().and_then(|(name, roles)| {
            let role = |value: &str| match roles {
                Some(roles) => roles.get(value).copied(),
                None => value.parse().ok().filter(|role| *role != Role::Operator),
            };
            claims.texts(name).filter_map(role).max_by_key(|role| role.rank())
        });
        claimed.or(self.otherwise)
    }
}

impl Written {
    fn check(self, faults: &mut Vec<String>) -> Option<Issuer> {
        let jwks_url = Url::parse(&self.jwks_url).ok().filter(is_safe);
        if jwks_url.is_none() {
            faults.push("jwks_url must be an https URL".into());
        }
        if self.audience.is_empty() {
            faults.push("audience must be what `aud` of the tokens has".into());
        }
        if (self.tenants.is_some() && self.tenant_claim.is_none())
            || (self.roles.is_some() && self.role_claim.is_none())
        {
            faults.push("tenants and roles need a tenant_claim and a role_claim to look their values up in".into());
        }
        let tenants = self.tenants.map(|map| parse_values(map, "tenants", faults));
        let roles = self.roles.map(|map| parse_values(map, "roles", faults));
        let tenant = match (self.tenant, self.tenant_claim) {
            (Some(id), None) => id.parse().ok().map(TenantRule::Fixed),
            (None, Some(claim)) => Some(TenantRule::Claim(claim, tenants)),
            _ => None,
        };
        if tenant.is_none() {
            faults.push("tenant must be a tenant's id, or tenant_claim the name of a claim, and not both".into());
        }
        let otherwise: Option<Role> = self.role.as_ref().and_then(|role| role.parse().ok());
        if self.role.is_some() != otherwise.is_some() || (self.role_claim.is_none() && otherwise.is_none()) {
            faults.push("role must be a role, or role_claim the name of a claim".into());
        }
        let role = RoleRule { claim: self.role_claim.map(|claim| (claim, roles)), otherwise };
        Some(Issuer { name: self.issuer, audience: self.audience, jwks_url: jwks_url?, tenant: tenant?, role })
    }
}

fn parse_values<T: std::str::FromStr<Err: fmt::Display>>(
    map: BTreeMap<String, String>,
    field: &str,
    faults: &mut Vec<String>,
) -> BTreeMap<String, T> {
    let mut parsed = BTreeMap::new();
    for (key, value) in map {
        match value.parse() {
            Ok(value) => drop(parsed.insert(key, value)),
            Err(error) => faults.push(format!("{field}.{key}: {error}")),
        }
    }
    parsed
}

/// Keys that come over a plain connection could be anybody's, but from this machine.
fn is_safe(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none() && url.fragment().is_none();
    plain && (url.scheme() == "https" || (url.scheme() == "http" && loopback))
}

/// An issuer's public keys.
#[derive(Debug, Default)]
pub struct KeySet(Vec<Key>);

#[derive(Debug)]
struct Key {
    id: Option<String>,
    signature: Signature,
    key: DecodingKey,
}

/// What an issuer published is no set of keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a JSON Web Key Set")]
pub struct NoKeySet;

impl KeySet {
    /// Reads a JSON Web Key Set (RFC 7517). Keys of kinds that are not used here are passed over, shared secrets among
    /// them: what everybody can read proves nothing.
    ///
    /// # Errors
    /// [`NoKeySet`].
    pub fn parse(text: &[u8]) -> Result<Self, NoKeySet> {
        let set = json::parse(text).map_err(|_| NoKeySet)?;
        let keys = set.get("keys").and_then(Value::as_array).ok_or(NoKeySet)?;
        Ok(Self(keys.iter().filter_map(key).take(MAX_KEYS).collect()))
    }

    /// Whether there is the key that a token names.
    pub fn has_key_of(&self, token: &Jwt<'_>) -> bool {
        self.find(token).is_some()
    }

    /// What a token claims, if one of these keys signed it.
    ///
    /// # Errors
    /// [`Refused`].
    pub fn verify(&self, token: Jwt<'_>) -> Result<Claims, Refused> {
        let Key { key, signature, .. } =
            self.find(&token).ok_or(Refused("signed with a key that its issuer has not"))?;
        token.verify(key, *signature)
    }

    /// By its id; without one, the only key there is of that kind.
    fn find(&self, token: &Jwt<'_>) -> Option<&Key> {
        if let Some(id) = token.key_id() {
            return self.0.iter().find(|key| key.id.as_deref() == Some(id));
        }
        let mut fitting = self.0.iter().filter(|key| token.is_signed_with(key.signature));
        fitting.next().filter(|_| fitting.next().is_none())
    }
}

fn key(jwk: &Value) -> Option<Key> {
    let parsed: Jwk = serde_json::from_value(jwk.clone()).ok()?;
    let signature = match &parsed.algorithm {
        AlgorithmParameters::RSA(_) => Signature::Rs256,
        AlgorithmParameters::EllipticCurve(params) if params.curve == EllipticCurve::P256 => Signature::Es256,
        AlgorithmParameters::OctetKeyPair(params) if params.curve == EllipticCurve::Ed25519 => Signature::EdDsa,
        _ => return None,
    };
    let signs = parsed.common.public_key_use.as_ref().is_none_or(|used_for| *used_for == PublicKeyUse::Signature);
    let agrees = jwk.get("alg").is_none_or(|algorithm| algorithm == signature.name());
    let key = DecodingKey::from_jwk(&parsed).ok().filter(|_| signs && agrees)?;
    Some(Key { id: parsed.common.key_id, signature, key })
}

#[cfg(test)]
mod tests;
