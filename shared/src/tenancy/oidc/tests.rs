use super::*;
use crate::tenancy::jwt::Jwt;
use serde_json::json;

/// The configuration of one issuer, with these fields beside or in place of good ones.
fn written(more: &Value) -> String {
    let issuer = json!({"issuer": "https://idp.example", "audience": "us", "jwks_url": "https://idp.example/keys"});
    json!([merged(issuer, more)]).to_string()
}

/// One object's fields over another's; null removes one.
fn merged(mut object: Value, more: &Value) -> Value {
    let fields = object.as_object_mut().expect("an object");
    fields.extend(more.as_object().expect("an object").clone());
    fields.retain(|_, value| !value.is_null());
    object
}

#[test]
fn an_issuer_is_configured_whole_or_not_at_all() {
    let tenant = TenantId::PLATFORM.to_string();
    #[rustfmt::skip]
    let table = [
        (json!({"tenant": tenant, "role": "member"}),                         "",          "one tenant, one role"),
        (json!({"tenant_claim": "org", "role_claim": "roles"}),               "",          "both by claims"),
        (json!({"tenant_claim": "org", "role_claim": "roles", "role": "viewer"}), "",      "a role for who has none"),
        (json!({"tenant": tenant, "role_claim": "g", "roles": {"a": "admin"}}), "",        "a claim's values mean roles"),
        (json!({"role": "member"}),                                           "tenant",    "no tenant"),
        (json!({"tenant": tenant, "tenant_claim": "org", "role": "member"}),  "tenant",    "two rules for the tenant"),
        (json!({"tenant": "acme", "role": "member"}),                         "tenant",    "not an id"),
        (json!({"tenant": tenant}),                                           "role",      "no role"),
        (json!({"tenant": tenant, "role": "king"}),                           "role",      "not a role"),
        (json!({"tenant": tenant, "role_claim": "g", "roles": {"a": "king"}}), "roles.a",  "not a role"),
        (json!({"tenant_claim": "o", "tenants": {"a": "b"}, "role": "viewer"}), "tenants.a", "not an id"),
        (json!({"tenant": tenant, "role": "viewer", "roles": {}}),            "role_claim", "values of no claim"),
        (json!({"tenant": tenant, "role": "viewer", "jwks_url": "http://idp.example/keys"}), "jwks_url", "keys over a plain connection"),
        (json!({"tenant": tenant, "role": "viewer", "jwks_url": "file:///etc/passwd"}), "jwks_url", "no URL that is fetched"),
        (json!({"tenant": tenant, "role": "viewer", "issuer": "supergate"}),  "issuer",    "our own tokens are not another's"),
        (json!({"tenant": tenant, "role": "viewer", "audience": ""}),         "audience",  "for everybody"),
        (json!({"tenant": tenant, "role": "viewer", "colour": "red"}),        "colour",    "a field that there is none of"),
    ];
    for (more, fault, why) in table {
        match Issuer::read_all(&written(&more)) {
            Ok(_) => assert!(fault.is_empty(), "{why} was taken"),
            Err(faults) => assert!(!fault.is_empty() && faults.join("\n").contains(fault), "{why}: {faults:?}"),
        }
    }
    let plain = json!({"tenant": tenant, "role": "viewer", "jwks_url": "http://127.0.0.1:8/keys"});
    assert!(Issuer::read_all(&written(&plain)).is_ok(), "from this machine");
    let one: Vec<Value> = serde_json::from_str(&written(&plain)).expect("an array");
    let twice = Issuer::read_all(&json!([one[0], one[0]]).to_string()).expect_err("one name, two issuers");
    assert!(twice.iter().any(|fault| fault.starts_with("[1].issuer")), "{twice:?}");
}

const NOW: Duration = Duration::from_secs(1_800_000_000);

/// What an issuer with these settings makes of these claims, beside good ones.
fn vouch(settings: &Value, more: &Value) -> Result<(TenantId, Role), Refused> {
    let issuer = Issuer::read_all(&written(settings)).expect("an issuer").remove(0);
    let good = json!({"iss": "https://idp.example", "aud": "us", "sub": "ada", "exp": NOW.as_secs() + 60});
    let secret = b"only to make claims of it";
    let key = jsonwebtoken::EncodingKey::from_secret(secret);
    let text = jsonwebtoken::encode(&jsonwebtoken::Header::default(), &merged(good, more), &key).expect("a token");
    let claims = Jwt::read(&text)?.verify(&DecodingKey::from_secret(secret), Signature::Hs256)?;
    issuer.vouch(&claims, NOW).map(|vouched| (vouched.tenant, vouched.role))
}

#[test]
fn claims_give_tenant_and_role_as_the_configuration_says() {
    let (ours, platform) = (TenantId::generate(NOW), TenantId::PLATFORM);
    let (id, platform_id) = (ours.to_string(), platform.to_string());
    let fixed = json!({"tenant": id, "role": "member"});
    let by_claims = json!({"tenant_claim": "org.id", "role_claim": "roles"});
    let by_maps = json!({"tenant_claim": "org", "tenants": {"acme": id, "ops": platform_id},
        "role_claim": "groups", "roles": {"eng": "member", "leads": "admin", "sre": "operator"}, "role": "viewer"});
    #[rustfmt::skip]
    let table = [
        (&fixed,     json!({}),                                             Some((ours, Role::Member)), "whoever the issuer vouches for"),
        (&by_claims, json!({"org": {"id": id}, "roles": "admin"}),          Some((ours, Role::Admin)),  "a claim in a claim, and a word"),
        (&by_claims, json!({"org.id": id, "roles": ["x", "viewer", "owner"]}), Some((ours, Role::Owner)), "a claim of that name; the highest role"),
        (&by_claims, json!({"org": {"id": id}, "roles": "operator"}),       None, "operators are named by the configuration only"),
        (&by_claims, json!({"org": {"id": platform_id}, "roles": "admin"}), None, "the platform is named by the configuration only"),
        (&by_claims, json!({"org": {"id": "acme"}, "roles": "admin"}),      None, "no tenant's id"),
        (&by_claims, json!({"roles": "admin"}),                             None, "no tenant"),
        (&by_claims, json!({"org": {"id": id}}),                            None, "no role"),
        (&by_maps,   json!({"org": "acme", "groups": ["eng", "leads"]}),    Some((ours, Role::Admin)),  "values that mean something"),
        (&by_maps,   json!({"org": "acme"}),                                Some((ours, Role::Viewer)), "what is left for who has no group"),
        (&by_maps,   json!({"org": "acme", "groups": ["owner"]}),           Some((ours, Role::Viewer)), "a role's name means nothing where there is a map"),
        (&by_maps,   json!({"org": "ops", "groups": ["sre"]}),              Some((platform, Role::Operator)), "an operator of the platform"),
        (&by_maps,   json!({"org": "acme", "groups": ["sre"]}),             None, "and of no tenant"),
        (&by_maps,   json!({"org": id, "groups": ["eng"]}),                 None, "an id means nothing where there is a map"),
        (&fixed,     json!({"iss": "https://other.example"}),               None, "another issuer"),
        (&fixed,     json!({"aud": "them"}),                                None, "another audience"),
        (&fixed,     json!({"aud": ["them", "us"]}),                        Some((ours, Role::Member)), "one of several audiences"),
        (&fixed,     json!({"aud": null}),                                  None, "no audience"),
        (&fixed,     json!({"exp": NOW.as_secs()}),                         None, "expired this second"),
        (&fixed,     json!({"exp": null}),                                  None, "without an end"),
        (&fixed,     json!({"exp": "tomorrow"}),                            None, "an end that is no time"),
        (&fixed,     json!({"exp": NOW.as_secs_f64() + 0.5}),               Some((ours, Role::Member)), "a time need not be whole"),
        (&fixed,     json!({"nbf": NOW.as_secs() + 30}),                    Some((ours, Role::Member)), "a clock that is a little ahead"),
        (&fixed,     json!({"nbf": NOW.as_secs() + 300}),                   None, "not yet"),
        (&fixed,     json!({"sub": null}),                                  None, "nobody"),
        (&fixed,     json!({"sub": ""}),                                    None, "nobody either"),
    ];
    for (settings, claims, expected, why) in table {
        assert_eq!(vouch(settings, &claims).ok(), expected, "{why}: {claims}");
    }
}

#[test]
fn only_public_keys_of_the_kinds_in_use_are_taken() {
    let x = "11qYAPMiEeRMLBWwi8SmBTa0Ho4cJc2cXVbmLJgQ8Jg";
    let ed = |more: Value| merged(json!({"kty": "OKP", "crv": "Ed25519", "x": x, "kid": "1"}), &more);
    #[rustfmt::skip]
    let table = [
        (ed(json!({})),                                    1, "an Ed25519 key"),
        (ed(json!({"use": "sig", "alg": "EdDSA"})),        1, "that says what it is for"),
        (ed(json!({"use": "enc"})),                        0, "for something else"),
        (ed(json!({"alg": "RS256"})),                      0, "that contradicts itself"),
        (ed(json!({"crv": "Ed448"})),                      0, "a curve that is not used"),
        (json!({"kty": "oct", "k": "c2VjcmV0", "kid": "1"}), 0, "a secret that everybody can read"),
        (json!({"kty": "EC", "crv": "P-384", "x": x, "y": x, "kid": "1"}), 0, "a curve that is not used"),
        (json!({"kty": "new"}),                            0, "a kind that nobody knows yet"),
        (json!(7),                                         0, "no key at all"),
    ];
    for (jwk, expected, why) in table {
        let set = KeySet::parse(json!({"keys": [jwk]}).to_string().as_bytes()).expect("a set");
        assert_eq!(set.0.len(), expected, "{why}");
    }
    for text in ["", "[]", "{}", r#"{"keys": {}}"#, r#"{"keys": [], "keys": []}"#] {
        assert!(KeySet::parse(text.as_bytes()).is_err(), "{text}");
    }
}
