//! What tests of the functions that administer have in common: keys of every role, other tenants, who belongs to one.

use crate::app::{Answer, App};
use http::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use supergate::tenancy::PersonId;

/// The password of whoever registers with [`App::token_of`].
pub const PASSWORD: &str = "long enough to be one";

/// A tenant beside the app's own.
pub struct OtherTenant {
    /// As `ten_…`.
    pub id: String,
    /// Its first key, an owner's.
    pub key: String,
    /// That key's id.
    pub key_id: String,
}

/// Somebody with an account.
pub struct Member {
    /// As `usr_…`.
    pub id: String,
    /// Where invitations go.
    pub email: String,
}

impl App {
    /// Sends a GET with somebody's key.
    pub async fn look(&self, path: &str, key: &str) -> Answer {
        self.call(Method::GET, path, key, &Value::Null).await
    }

    /// Makes a key with another; the answer to it.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn new_key(&self, by: &str, body: Value) -> Value {
        let answer = self.call(Method::POST, "/v1/keys", by, &body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{body}: {}", answer.text());
        answer.json()
    }

    /// A key of the tenant with a role, made by its owner.
    pub async fn key_of(&self, role: &str) -> String {
        text(&self.new_key(&self.api_key, json!({"name": role, "role": role})).await["key"])
    }

    /// The access token of somebody who was invited to the tenant as that, and registered.
    ///
    /// # Panics
    /// If they are refused.
    pub async fn token_of(&self, role: &str) -> String {
        let email = format!("{role}@registered.example");
        let invite = json!({"email": email, "role": role});
        let invited = self.call(Method::POST, "/v1/tenant/members", &self.api_key, &invite).await.json();
        let join = json!({"email": email, "password": PASSWORD, "name": role, "invitation": invited["invitation"]});
        let registered = self.visit("register", &join).await;
        assert_eq!(registered.status, StatusCode::CREATED, "{}", registered.text());
        text(&registered.json()["access_token"])
    }

    /// Asks the auth function without any credential.
    ///
    /// # Panics
    /// If the route has no place in an address.
    pub async fn visit(&self, route: &str, body: &Value) -> Answer {
        let request = Request::post(format!("/v1/auth/{route}")).header("content-type", "application/json");
        self.send(request.body(lambda_http::Body::Text(body.to_string())).expect("a request")).await
    }

    /// Whether a key is taken.
    ///
    /// # Panics
    /// If the answer is neither yes nor no.
    pub async fn takes(&self, key: &str) -> bool {
        match self.look("/v1/models", key).await.status {
            StatusCode::OK => true,
            StatusCode::UNAUTHORIZED => false,
            other => panic!("{other}"),
        }
    }

    /// Another tenant, made by an operator.
    ///
    /// # Panics
    /// If it is refused.
    pub async fn other_tenant(&self, name: &str) -> OtherTenant {
        let answer = self.call(Method::POST, "/v1/tenant", &self.operator_key, &json!({"name": name})).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let tenant = answer.json();
        OtherTenant { id: text(&tenant["id"]), key: text(&tenant["api_key"]), key_id: text(&tenant["key_id"]) }
    }

    /// Somebody who belongs to a tenant, as signing up and being invited would leave them.
    ///
    /// # Panics
    /// If the database refuses them.
    pub async fn member(&self, tenant: &str, name: &str, role: &str) -> Member {
        // A moment later each time, so that the order of the ids is that of the calls.
        self.clock.advance(Duration::from_millis(2));
        let id = PersonId::generate(supergate::clock::Clock::since_epoch(&*self.clock));
        let email = format!("{name}@example.com");
        let superuser = self.database.superuser().await;
        let person = "insert into people (id, email, name) values ($1, $2, $3)";
        superuser.execute(person, &[id.as_uuid(), &email, &name]).await.expect("a person");
        let tenant: supergate::tenancy::TenantId = tenant.parse().expect("a tenant");
        let member = "insert into members (tenant_id, person_id, role) values ($1, $2, $3)";
        superuser.execute(member, &[tenant.as_uuid(), id.as_uuid(), &role]).await.expect("a member");
        Member { id: id.to_string(), email }
    }

    /// The newest events of a tenant's audit.
    ///
    /// # Panics
    /// If they are refused.
    pub async fn audit(&self, key: &str) -> Vec<Value> {
        let answer = self.look("/v1/audit?limit=200", key).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
        answer.json()["data"].as_array().expect("a list").clone()
    }
}

impl Answer {
    /// Status, code, and field at fault (empty if none is named).
    pub fn refusal(&self) -> (u16, String, String) {
        let error = &self.json()["error"];
        (self.status.as_u16(), text(&error["code"]), error["param"].as_str().unwrap_or_default().to_owned())
    }
}

/// A string of an answer.
///
/// # Panics
/// If it is none.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("a string: {value}")).to_owned()
}
