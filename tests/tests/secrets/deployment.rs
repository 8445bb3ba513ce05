//! The functions' real processes, at TRACE: what they write to standard output and error is all that Lambda would keep.

use super::{
    scanner::Scanner,
    scenario::{PASSWORD, PROMPT, TENANTS_KEY, Told},
};
use http::HeaderMap;
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    app::{MODELS, TOKEN_SECRET},
    kms::NOWHERE,
    lambda::{Function, Stack, Version, http_event},
    postgres::PEPPER,
};

const SOON: Duration = Duration::from_secs(30);

/// What was said and written.
pub struct Run {
    /// Each function's output.
    pub logs: Vec<(String, String)>,
    /// What it answered.
    pub answers: Vec<Told>,
}

struct Asker<'a> {
    stack: &'a Stack,
    run: Run,
}

/// Starts the functions and asks them.
pub async fn run(stack: &Stack, scanner: &mut Scanner) -> Run {
    scanner.add("the pepper", PEPPER);
    scanner.add("a prompt", PROMPT);
    scanner.add("a tenant's provider key", TENANTS_KEY);
    scanner.add("a password", PASSWORD);
    scanner.add("what access tokens are signed with", TOKEN_SECRET);
    scanner.add_token("the tenant's key", stack.api_key());
    let mut asker = Asker { stack, run: Run { logs: Vec::new(), answers: Vec::new() } };
    let store = json!({"provider": "openai", "api_key": TENANTS_KEY});
    let ask =
        |stream: bool| json!({"model": MODELS[0], "stream": stream, "messages": [{"role": "user", "content": PROMPT}]});
    let embed = json!({"model": "openai/text-embedding-3-small", "input": PROMPT});
    let broken = Value::String(format!("{{\"api_key\": \"{TENANTS_KEY}"));
    let null = Value::Null;
    asker.away("provider-keys", "/v1/tenant/keys", &store).await;
    #[rustfmt::skip]
    asker.ask("provider-keys", &[
        ("POST", "/v1/tenant/keys", &store, 201), ("POST", "/v1/tenant/keys", &broken, 400), ("GET", "/v1/tenant/keys", &null, 200),
    ]).await;
    #[rustfmt::skip]
    asker.ask("chat-completions", &[
        ("POST", "/v1/chat/completions", &ask(false), 200), ("POST", "/v1/chat/completions", &ask(true), 200),
        ("POST", "/v1/chat/completions", &broken, 400),
    ]).await;
    asker.ask("embeddings", &[("POST", "/v1/embeddings", &embed, 200), ("POST", "/v1/embeddings", &broken, 400)]).await;
    asker.ask("models", &[("GET", "/v1/models", &null, 200)]).await;
    asker.ask("health", &[("GET", "/health", &null, 200)]).await;
    let invite = json!({"email": "a@example.com", "role": "viewer"});
    asker.ask("tenant", &[("GET", "/v1/tenant", &null, 200), ("POST", "/v1/tenant/members", &invite, 201)]).await;
    asker.learn(scanner, "an invitation", "invitation");
    asker.ask("keys", &[("POST", "/v1/keys", &json!({"name": "k", "role": "viewer"}), 201)]).await;
    asker.learn(scanner, "a made key", "key");
    asker.ask("audit", &[("GET", "/v1/audit", &null, 200)]).await;
    asker.ask("usage", &[("GET", "/v1/usage/logs", &null, 200), ("GET", "/v1/usage/export", &null, 200)]).await;
    let register =
        json!({"email": "canary@people.example", "password": PASSWORD, "name": "Ada", "tenant_name": "Engines"});
    asker.ask("auth", &[("POST", "/v1/auth/register", &register, 201)]).await;
    asker.learn(scanner, "an access token", "access_token");
    let nobody = json!({"email": "nobody@people.example", "password": PASSWORD});
    asker.ask("auth", &[("POST", "/v1/auth/login", &nobody, 401)]).await;
    asker.command("migrate", scanner, json!({"action": "create_operator_key"})).await;
    asker.run
}

impl Asker<'_> {
    async fn start(&self, name: &str, vars: &[(&str, &str)]) -> Function {
        let table = std::env::var("SUPERGATE_TABLE").expect("the local stack's table");
        let launch = self.stack.function(name).env("SUPERGATE_LOG", "trace").env("SUPERGATE_TABLE", table);
        let launch = launch.envs(vars.iter().copied());
        launch.start().await.unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    async fn ask(&mut self, name: &str, calls: &[(&str, &str, &Value, u16)]) {
        let function = self.start(name, &[]).await;
        self.call(&function, calls).await;
    }

    /// With KMS away.
    async fn away(&mut self, name: &str, path: &str, body: &Value) {
        let function = self.start(name, &[("AWS_ENDPOINT_URL_KMS", NOWHERE)]).await;
        self.call(&function, &[("POST", path, body, 503)]).await;
    }

    async fn call(&mut self, function: &Function, calls: &[(&str, &str, &Value, u16)]) {
        let authorization = format!("Bearer {}", self.stack.api_key());
        let headers = [("authorization", authorization.as_str()), ("content-type", "application/json")];
        for (method, path, body, status) in calls {
            let body = match body {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                body => body.to_string(),
            };
            for version in [Version::V1, Version::V2] {
                // What can be stored once only.
                if version == Version::V2 && *status == 201 {
                    continue;
                }
                let reply = function.invoke(http_event(method, path, &headers, body.clone(), version), SOON).await;
                let what = format!("{method} {path}, {version:?}");
                assert_eq!(reply.status, *status, "{what}");
                let shows = if *status == 200 { vec!["a prompt".to_owned()] } else { Vec::new() };
                let (headers, body) = (HeaderMap::new(), reply.text().await);
                self.run.answers.push(Told { what, request_id: String::new(), body, headers, shows });
            }
        }
        function.idle().await;
        self.run.logs.push((function.name().to_owned(), function.logs().join("\n")));
    }

    /// A secret that the last answer gave out.
    fn learn(&mut self, scanner: &mut Scanner, name: &str, field: &str) {
        let told = self.run.answers.last_mut().expect("an answer");
        let answer: Value = serde_json::from_str(&told.body).expect("JSON");
        // Of an access token the signature.
        let token = answer[field].as_str().and_then(|token| token.rsplit('.').next()).expect("a token");
        scanner.add_token(name, token);
        told.shows.push(name.to_owned());
    }

    async fn command(&mut self, name: &str, scanner: &mut Scanner, command: Value) {
        let function = self.start(name, &[]).await;
        let answer = function.invoke(command, SOON).await.json().await;
        scanner.add_token("an operator's key", answer["api_key"].as_str().expect("a key"));
        function.idle().await;
        self.run.logs.push((name.to_owned(), function.logs().join("\n")));
    }
}
