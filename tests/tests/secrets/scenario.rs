//! All that can be asked of the functions, well and badly, by callers whose secrets are known.

#[path = "outsiders.rs"]
mod outsiders;

use super::scanner::Scanner;
use http::{HeaderMap, Method, Request};
use serde_json::{Value, json};
use std::sync::Arc;
use supergate::{
    clock::SystemClock,
    error::GatewayError,
    gateway::{
        after_response::AfterResponse,
        call::{Call, Reply},
    },
    web::{self, Function},
};
use supergate_tests::{
    app::{Answer, App, MODELS, TOKEN_SECRET},
    canned::Canned,
    issuer::SigningKey,
    postgres::PEPPER,
};

/// What somebody was told.
#[derive(Clone)]
pub struct Told {
    /// What they asked.
    pub what: String,
    /// The answer's.
    pub request_id: String,
    /// All of the answer.
    pub body: String,
    pub headers: HeaderMap,
    /// The secrets that the answer may show, because it is the one that gives them out, or because they are the caller's own words.
    pub shows: Vec<String>,
}

impl Told {
    /// Head and body.
    pub fn text(&self) -> String {
        format!("{:?}\n{}", self.headers, self.body)
    }
}

/// What is sent with a request.
type Headers<'a> = Vec<(&'a str, String)>;

/// Asks, and keeps the answers.
pub struct Asker<'a> {
    app: &'a App,
    scanner: &'a mut Scanner,
    told: Vec<Told>,
}

/// In every prompt; the mock answers with what it heard.
pub const PROMPT: &str = "canary-prompt-that-nobody-writes-down-8d1f";
pub const TENANTS_KEY: &str = "sk-canary-of-a-tenant-73b5c1d9e0f24a68";
const REPLACED_KEY: &str = "sk-canary-of-a-tenant-replaced-5c20aa91";
const REFUSED_KEY: &str = "sk-canary refused for the space in it 19f3";
const QUOTED_KEY: &str = "sk-canary-that-its-provider-quotes-41d8";
const STRANGERS_TOKEN: &str = "canary-token-of-a-stranger-20b7e5a1";
pub const PASSWORD: &str = "canary horse battery staple 5520";
const NEXT_PASSWORD: &str = "canary horse battery staple 5521";
const WRONG_PASSWORD: &str = "canary horse battery staple 5522";
const DATABASE_PASSWORD: &str = "canary-password-of-the-database-77";

/// The identity provider that the app believes.
pub const IDP: &str = "https://idp.example";

/// Asks everything. `idp` signs what the app's identity provider would.
pub async fn run(app: &App, idp: &SigningKey, scanner: &mut Scanner) -> Vec<Told> {
    scanner.add("the pepper", PEPPER);
    scanner.add("a prompt", PROMPT);
    scanner.add_token("the first key", &app.api_key);
    scanner.add_token("the operator's key", &app.operator_key);
    for (name, secret) in [
        ("a tenant's provider key", TENANTS_KEY),
        ("the key that took its place", REPLACED_KEY),
        ("a key that was refused", REFUSED_KEY),
        ("a key that is quoted", QUOTED_KEY),
        ("a stranger's token", STRANGERS_TOKEN),
        ("the database's password", DATABASE_PASSWORD),
        ("what access tokens are signed with", TOKEN_SECRET),
        ("a password", PASSWORD),
        ("the next password", NEXT_PASSWORD),
        ("a wrong password", WRONG_PASSWORD),
    ] {
        scanner.add(name, secret);
    }
    let mut asker = Asker { app, scanner, told: Vec::new() };
    asker.credentials().await;
    asker.inference().await;
    asker.keys().await;
    asker.tenants().await;
    asker.people().await;
    asker.outsiders(idp).await;
    asker.strangers().await;
    asker.faults().await;
    asker.told
}

impl Asker<'_> {
    async fn ask(&mut self, method: Method, path: &str, body: &Value, status: u16, shows: &[&str]) -> Value {
        let key = if path.contains("operator") { &self.app.operator_key } else { &self.app.api_key };
        let answer = self.app.call(method.clone(), path.trim_end_matches("#operator"), key, body).await;
        let what = format!("{method} {path} {}", body.to_string().chars().take(80).collect::<String>());
        self.keep(&what, answer, status, shows)
    }

    fn keep(&mut self, what: &str, answer: Answer, status: u16, shows: &[&str]) -> Value {
        assert_eq!(answer.status, status, "{what}: {}", answer.text());
        let body = answer.text();
        self.told.push(Told {
            what: what.to_owned(),
            request_id: answer.header("x-request-id").to_owned(),
            headers: answer.headers.clone(),
            shows: shows.iter().map(|name| (*name).to_owned()).collect(),
            body: body.clone(),
        });
        serde_json::from_str(&body).unwrap_or_default()
    }

    /// A secret that an answer gave out.
    fn learn(&mut self, name: &str, answer: &Value, field: &str) {
        let token = answer[field].as_str().unwrap_or_else(|| panic!("{field} in {answer}"));
        self.scanner.add_token(name, token);
        if let Some(told) = self.told.last_mut() {
            told.shows.push(name.to_owned());
        }
    }

    async fn credentials(&mut self) {
        let route = "/v1/tenant/keys";
        let store = |key: &str| json!({"provider": "openai", "api_key": key});
        self.ask(Method::POST, route, &store(REFUSED_KEY), 400, &[]).await;
        self.ask(
            Method::POST,
            route,
            &json!({"provider": "nobody", "api_key": TENANTS_KEY, "x": TENANTS_KEY}),
            400,
            &[],
        )
        .await;
        self.ask(Method::POST, route, &json!({"provider": "openai", "api_key": [TENANTS_KEY]}), 400, &[]).await;
        self.ask(Method::POST, route, &store(TENANTS_KEY), 201, &[]).await;
        self.ask(Method::POST, route, &store(TENANTS_KEY), 409, &[]).await;
        self.ask(Method::GET, route, &Value::Null, 200, &[]).await;
        self.ask(Method::GET, "/v1/tenant/keys/openai", &Value::Null, 200, &[]).await;
        self.chat(&json!({"model": MODELS[0], "messages": [{"role": "user", "content": PROMPT}]}), 200).await;
        self.ask(Method::PUT, "/v1/tenant/keys/openai", &json!({"api_key": REPLACED_KEY}), 200, &[]).await;
        // A body that is broken in the middle of the secret.
        for body in [
            format!(r#"{{"provider": "openai", "api_key": "{TENANTS_KEY}"#),
            format!(r#"{{"api_key": "{TENANTS_KEY}", "api_key": "{REPLACED_KEY}"}}"#),
            format!(r#"{{"api_key": {TENANTS_KEY}}}"#),
            format!("[\"{TENANTS_KEY}\"]"),
        ] {
            let request = self.request(Method::POST, route, body);
            let answer = self.app.send(request).await;
            self.keep("a broken body with a key in it", answer, 400, &[]);
        }
    }

    fn request(&self, method: Method, path: &str, body: String) -> Request<lambda_http::Body> {
        let mut request = self.app.chat_request(body);
        *request.method_mut() = method;
        *request.uri_mut() = path.parse().expect("a path");
        request
    }

    async fn chat(&mut self, body: &Value, status: u16) {
        // A provider's words about a request can be the caller's own.
        let shows: &[&str] = if status == 200 { &["a prompt"] } else { &[] };
        self.ask(Method::POST, "/v1/chat/completions", body, status, shows).await;
    }

    async fn inference(&mut self) {
        let ask = |model: &str, text: &str, stream: bool| {
            json!({"model": model, "stream": stream, "messages": [
                {"role": "system", "content": format!("{PROMPT} of the system")},
                {"role": "user", "content": format!("{PROMPT} {text}")},
            ]})
        };
        for model in MODELS {
            for stream in [false, true] {
                self.chat(&ask(model, "hello", stream), 200).await;
                let (streamed, failed) = if stream { (200, 502) } else { (502, 502) };
                self.chat(&ask(model, "mock:status=500", stream), failed).await;
                self.chat(&ask(model, "mock:status=401", stream), 502).await;
                self.chat(&ask(model, "mock:status=429", stream), 429).await;
                self.chat(&ask(model, "mock:html", stream), 502).await;
                self.chat(&ask(model, "mock:malformed", stream), streamed).await;
                self.chat(&ask(model, "mock:cut=2", stream), streamed).await;
            }
            self.chat(&ask(model, "mock:error_event", true), 200).await;
        }
        self.chat(&ask("openai/no-such-model", "", false), 404).await;
        self.chat(&json!({"model": MODELS[0], "messages": [{"role": PROMPT, "content": PROMPT}]}), 400).await;
        self.chat(&json!({"model": MODELS[0], "messages": PROMPT}), 400).await;
        for body in [
            format!(r#"{{"model": "{}", "messages": [{{"role": "user", "content": "{PROMPT}"#, MODELS[0]),
            PROMPT.to_owned(),
        ] {
            let answer = self.app.chat_raw(body).await;
            self.keep("a broken prompt", answer, 400, &[]);
        }
        let embed = json!({"model": "openai/text-embedding-3-small", "input": [PROMPT, PROMPT]});
        self.ask(Method::POST, "/v1/embeddings", &embed, 200, &[]).await;
        self.ask(Method::POST, "/v1/embeddings", &json!({"model": MODELS[0], "input": PROMPT}), 400, &[]).await;
        self.ask(Method::GET, "/v1/models", &Value::Null, 200, &[]).await;
        self.ask(Method::GET, "/v1/models/openai/nothing", &Value::Null, 404, &[]).await;
    }

    async fn keys(&mut self) {
        let made = self.ask(Method::POST, "/v1/keys", &json!({"name": "one", "role": "member"}), 201, &[]).await;
        self.learn("a made key", &made, "key");
        let path = format!("/v1/keys/{}", made["id"].as_str().expect("an id"));
        self.ask(Method::GET, "/v1/keys", &Value::Null, 200, &[]).await;
        self.ask(Method::GET, &path, &Value::Null, 200, &[]).await;
        self.ask(Method::PATCH, &path, &json!({"name": "two", "tags": ["a"]}), 200, &[]).await;
        let rotated =
            self.ask(Method::POST, &format!("{path}/rotate"), &json!({"overlap_seconds": 60}), 200, &[]).await;
        self.learn("a rotated key", &rotated, "key");
        self.ask(Method::DELETE, &path, &Value::Null, 204, &[]).await;
        self.ask(Method::DELETE, &path, &Value::Null, 409, &[]).await;
        self.ask(Method::POST, "/v1/keys", &json!({"name": "", "role": "king"}), 400, &[]).await;
    }

    async fn tenants(&mut self) {
        let made =
            self.ask(Method::POST, "/v1/tenant#operator", &json!({"name": "another", "tier": "pro"}), 201, &[]).await;
        self.learn("the first key of another tenant", &made, "api_key");
        let path = format!("/v1/tenant?tenant_id={}#operator", made["id"].as_str().expect("an id"));
        self.ask(Method::GET, "/v1/tenant", &Value::Null, 200, &[]).await;
        self.ask(Method::PATCH, "/v1/tenant", &json!({"settings": {"cache_prompts": false}}), 200, &[]).await;
        let invite = json!({"email": "somebody@example.com", "role": "member"});
        let invited = self.ask(Method::POST, "/v1/tenant/members", &invite, 201, &[]).await;
        self.learn("an invitation", &invited, "invitation");
        self.ask(Method::GET, "/v1/tenant/members", &Value::Null, 200, &[]).await;
        self.ask(Method::GET, "/v1/tenant/members/invitations", &Value::Null, 200, &[]).await;
        self.ask(Method::DELETE, &path, &json!({"name": "another"}), 200, &[]).await;
        self.ask(Method::GET, "/v1/audit?limit=200", &Value::Null, 200, &[]).await;
        self.ask(Method::GET, "/v1/audit?limit=200#operator", &Value::Null, 200, &[]).await;
    }

    /// Asks the auth function as a browser does. Gives the new access token and the new cookie, which are secrets from now on.
    async fn visit(&mut self, route: &str, body: &Value, status: u16, session: &(String, String)) -> (String, String) {
        let mut request = self.request(Method::POST, &format!("/v1/auth/{route}"), body.to_string());
        request.headers_mut().insert("authorization", format!("Bearer {}", session.0).parse().expect("a token"));
        request.headers_mut().insert("cookie", format!("supergate_refresh={}", session.1).parse().expect("a cookie"));
        for (i, (name, of)) in [("access_token", &session.0), ("cookie", &session.1)].into_iter().enumerate() {
            if of.is_empty() {
                request.headers_mut().remove(["authorization", "cookie"][i]).expect(name);
            }
        }
        let answer = self.app.send(request).await;
        let cookie = answer.header("set-cookie").split([';', '=']).nth(1).unwrap_or_default().to_owned();
        let said = self.keep(&format!("{route} of a person"), answer, status, &[]);
        let mut next = session.clone();
        let number = self.told.len();
        if let Some(token) = said["access_token"].as_str() {
            let signature = token.rsplit('.').next().unwrap_or_default();
            // Two of one session in one second are the same.
            let name = self.scanner.name_of(signature).unwrap_or_else(|| format!("access token {number}"));
            self.scanner.add(&name, signature);
            self.told.last_mut().expect("an answer").shows.push(name);
            next.0 = token.to_owned();
        }
        if cookie.len() > 16 {
            let name = format!("refresh token {number}");
            self.scanner.add_token(&name, &cookie);
            self.told.last_mut().expect("an answer").shows.push(name);
            next.1 = cookie;
        }
        next
    }

    async fn people(&mut self) {
        let nobody = (String::new(), String::new());
        let email = "canary@people.example";
        let new = json!({"email": email, "password": PASSWORD, "name": "Ada", "tenant_name": "Engines"});
        let log_in = |password: &str| json!({"email": email, "password": password});
        let null = json!({});
        let first = self.visit("register", &new, 201, &nobody).await;
        self.visit("register", &new, 409, &nobody).await;
        self.visit("register", &json!({"email": PASSWORD, "password": PASSWORD, "nickname": PASSWORD}), 400, &nobody)
            .await;
        self.visit("login", &log_in(WRONG_PASSWORD), 401, &nobody).await;
        let second = self.visit("login", &log_in(PASSWORD), 200, &nobody).await;
        let third = self.visit("refresh", &null, 200, &second).await;
        // A cookie that was used already: somebody stole it.
        self.visit("refresh", &null, 401, &second).await;
        self.visit("refresh", &null, 401, &third).await;
        let change = json!({"current_password": PASSWORD, "new_password": NEXT_PASSWORD});
        let wrong = json!({"current_password": WRONG_PASSWORD, "new_password": NEXT_PASSWORD});
        self.visit("password", &wrong, 400, &first).await;
        self.visit("password", &change, 204, &first).await;
        self.visit("logout", &null, 204, &first).await;
        let forged = format!("{}.{STRANGERS_TOKEN}", first.0.rsplit_once('.').expect("a signature").0);
        self.visit("password", &change, 401, &(forged, String::new())).await;
    }

    /// Who sends secrets where nobody expects them.
    async fn strangers(&mut self) {
        let good = format!("Bearer {}", self.app.api_key);
        let key = self.app.api_key.clone();
        #[rustfmt::skip]
        let table: Vec<(&str, Headers<'_>, u16)> = vec![
            ("/v1/models",                       vec![("authorization", format!("Bearer {STRANGERS_TOKEN}"))],                       401),
            ("/v1/models",                       vec![("authorization", format!("Basic {STRANGERS_TOKEN}"))],                        401),
            ("/v1/models",                       vec![("authorization", STRANGERS_TOKEN.to_owned())],                                401),
            ("/v1/models",                       vec![("authorization", good.clone()), ("x-api-key", STRANGERS_TOKEN.to_owned())],   400),
            ("/v1/models",                       vec![("authorization", good.clone()), ("cookie", format!("refresh={STRANGERS_TOKEN}"))], 200),
            ("/v1/keys?key={key}",               vec![("authorization", good.clone())],                                              400),
            ("/v1/audit?actor={key}",            vec![("authorization", good.clone())],                                              200),
            ("/v1/keys/{key}",                   vec![("authorization", good.clone())],                                              404),
            ("/v1/tenant/keys/{key}",            vec![("authorization", good.clone())],                                              404),
            ("/v1/tenant/members/{key}",         vec![("authorization", good.clone())],                                              404),
            ("/v1/models/{key}",                 vec![("authorization", good)],                                                      404),
        ];
        for (path, headers, status) in table {
            let mut request = Request::get(path.replace("{key}", &key));
            for (name, value) in headers {
                request = request.header(name, value);
            }
            let answer = self.app.send(request.body(lambda_http::Body::Empty).expect("a request")).await;
            // An address that does not exist is told to whoever asked for it.
            let shows: &[&str] = if path == "/v1/models/{key}" { &["the first key"] } else { &[] };
            self.keep(path, answer, status, shows);
        }
    }

    /// What is away, broken, or talks too much.
    async fn faults(&mut self) {
        let prompt = json!({"model": MODELS[0], "messages": [{"role": "user", "content": PROMPT}]});
        for (status, expected) in [(400, 400), (401, 502), (403, 502), (500, 502)] {
            let said = json!({"error": {"message": format!("the key {QUOTED_KEY} is bad: Bearer {QUOTED_KEY}"), "code": QUOTED_KEY, "param": QUOTED_KEY}});
            let upstream = Canned::answer(status, "application/json", said.to_string()).await;
            let vars = [("SUPERGATE_OPENAI_URL", upstream.url()), ("OPENAI_API_KEY", QUOTED_KEY.to_owned())];
            let vars = vars.each_ref().map(|(name, value)| (*name, value.as_str()));
            let quoting = App::start_with(&vars).await;
            self.scanner.add_token(&format!("the key of who was answered {status}"), &quoting.api_key);
            let answer = quoting.chat(&prompt).await;
            self.keep(&format!("a provider that answers {status} and quotes the key"), answer, expected, &[]);
        }
        let away = format!("postgresql://supergate_app:{DATABASE_PASSWORD}@127.0.0.1:1/none?sslmode=disable");
        let mut without = App::start().await;
        self.scanner.add_token("the key of who has no database", &without.api_key);
        without.restart_with(&[("DATABASE_URL", &away)]).await;
        let answer = without.chat(&prompt).await;
        self.keep("a database that is away", answer, 503, &[]);

        let spoil = "update provider_credentials set ciphertext = set_byte(ciphertext, 0, get_byte(ciphertext, 0) # 1) where last_four = 'aa91'";
        let superuser = self.app.database.superuser().await;
        assert_eq!(superuser.execute(spoil, &[]).await.expect("an update"), 1);
        self.app.clock.advance(supergate::crypto::vault::CREDENTIAL_TTL);
        self.chat(&prompt, 424).await;

        async fn broken(call: Call) -> Result<Reply, GatewayError> {
            let words = String::from_utf8(call.body.to_vec()).expect("text");
            Err(GatewayError::NotFound(words.lines().nth(usize::MAX).expect("a line that is not there").to_owned()))
        }
        let function =
            Function { name: "broken", methods: &[web::POST], clock: Arc::new(SystemClock), handler: broken };
        let request = self.request(Method::POST, "/v1/chat/completions", prompt.to_string());
        let (parts, body) = function.answer(request, AfterResponse::default()).await.into_parts();
        let pieces = futures_util::StreamExt::collect::<Vec<_>>(body).await;
        let answer = Answer { status: parts.status, headers: parts.headers, pieces };
        self.keep("a handler that panics", answer, 500, &[]);
    }
}
