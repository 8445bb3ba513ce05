//! What a person's browser does: it keeps the access token of the last answer and the cookie, and sends them.

use http::{Method, Request};
use lambda_http::{RequestExt as _, aws_lambda_events::apigw::ApiGatewayV2httpRequestContext, request::RequestContext};
use serde_json::{Value, json};
use supergate_tests::app::{Answer, App};

pub const PASSWORD: &str = "correct horse battery staple";

/// A person at an app.
pub struct Browser<'a> {
    pub app: &'a App,
    /// The newest access token; empty before anybody has signed in.
    pub token: String,
    /// The refresh cookie's value; empty before anybody has signed in.
    pub cookie: String,
    /// The address that API Gateway sees.
    pub address: Option<String>,
}

impl<'a> Browser<'a> {
    pub fn new(app: &'a App) -> Self {
        Self { app, token: String::new(), cookie: String::new(), address: None }
    }

    /// Registers with a tenant of that name and goes on signed in.
    pub async fn registered(app: &'a App, email: &str, tenant_name: &str) -> Self {
        let mut browser = Self::new(app);
        let body = json!({"email": email, "password": PASSWORD, "name": "Ada", "tenant_name": tenant_name});
        let answer = browser.post("register", &body).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
        browser
    }

    pub async fn post(&mut self, route: &str, body: &Value) -> Answer {
        self.send(Method::POST, &format!("/v1/auth/{route}"), body).await
    }

    pub async fn sign_in(&mut self, email: &str, password: &str) -> Answer {
        self.post("login", &json!({"email": email, "password": password})).await
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, &Value::Null).await
    }

    /// Sends what a browser would, and keeps what it is given.
    pub async fn send(&mut self, method: Method, path: &str, body: &Value) -> Answer {
        let mut request = Request::builder().method(method).uri(path);
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        if path.starts_with("/v1/auth") && !self.cookie.is_empty() {
            request = request.header("cookie", format!("theme=dark; supergate_refresh={}", self.cookie));
        }
        let body = match body {
            Value::Null => lambda_http::Body::Empty,
            body => {
                request = request.header("content-type", "application/json");
                lambda_http::Body::Text(body.to_string())
            }
        };
        let mut context = ApiGatewayV2httpRequestContext::default();
        context.http.source_ip = self.address.clone();
        let request = request.body(body).expect("a request");
        let answer = self.app.send(request.with_request_context(RequestContext::ApiGatewayV2(context))).await;
        self.keep(&answer);
        answer
    }

    fn keep(&mut self, answer: &Answer) {
        if let Some(cookie) = answer.header("set-cookie").strip_prefix("supergate_refresh=") {
            self.cookie = cookie.split(';').next().unwrap_or_default().to_owned();
        }
        if !answer.bytes().is_empty()
            && let Some(token) = answer.json()["access_token"].as_str()
        {
            self.token = token.to_owned();
        }
    }
}
