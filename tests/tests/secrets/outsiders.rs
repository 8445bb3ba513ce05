//! Who comes with a token of an identity provider.

use super::{Asker, IDP, PROMPT};
use http::Method;
use serde_json::{Value, json};
use supergate::clock::Clock as _;
use supergate_tests::{app::MODELS, issuer::SigningKey};

impl Asker<'_> {
    /// People whom an identity provider vouches for, and whom it does not.
    pub(super) async fn outsiders(&mut self, idp: &SigningKey) {
        let now = self.app.clock.since_epoch().as_secs();
        let header = json!({"alg": idp.algorithm(), "kid": "1"});
        let claims = |audience: &str, ends: u64| json!({"iss": IDP, "aud": audience, "sub": "ada", "org": self.app.tenant_id, "role": "admin", "exp": ends});
        let good = idp.sign(&header, &claims("supergate", now + 3600));
        let expired = idp.sign(&header, &claims("supergate", now));
        let elsewhere = idp.sign(&header, &claims("another-app", now + 3600));
        let unknown = idp.sign(&json!({"alg": idp.algorithm(), "kid": "2"}), &claims("supergate", now + 3600));
        for (name, token) in [
            ("an identity provider's token", &good),
            ("one that has ended", &expired),
            ("one for another application", &elsewhere),
            ("one with an unknown key", &unknown),
        ] {
            self.scanner.add(name, token.rsplit('.').next().expect("a signature"));
        }
        let (tampered, null) = (format!("{good}x"), Value::Null);
        let prompt = json!({"model": MODELS[0], "messages": [{"role": "user", "content": PROMPT}]});
        let body = json!({"name": good, "role": "viewer"});
        for (token, method, path, body, status, shows) in [
            (&good, Method::GET, "/v1/models", &null, 200, None),
            (&good, Method::GET, "/v1/auth/me", &null, 200, None),
            (&good, Method::GET, "/v1/tenant/keys", &null, 200, None),
            (&good, Method::POST, "/v1/chat/completions", &prompt, 200, Some("a prompt")),
            (&good, Method::POST, "/v1/auth/switch", &json!({"tenant_id": good}), 400, None),
            (&good, Method::PATCH, "/v1/auth/me", &json!({"name": "Ada"}), 403, None),
            (&good, Method::POST, "/v1/keys", &body, 400, None),
            (&expired, Method::GET, "/v1/models", &null, 401, None),
            (&elsewhere, Method::GET, "/v1/models", &null, 401, None),
            (&unknown, Method::GET, "/v1/models", &null, 401, None),
            (&tampered, Method::GET, "/v1/models", &null, 401, None),
        ] {
            let answer = self.app.call(method.clone(), path, token, body).await;
            self.keep(&format!("{method} {path} of an outsider"), answer, status, shows.as_slice());
        }
    }
}
