//! Who is out is out: what lasts is not done on a memory of who they were.

use super::{
    as_superuser,
    browser::{Browser, PASSWORD},
    outcome, refused, uuid,
};
use http::{Method, StatusCode};
use serde_json::{Value, json};
use std::time::Duration;
use supergate_tests::{
    app::{App, provider_key},
    office::text,
};

/// As long as a principal is remembered.
const REMEMBERED: Duration = Duration::from_secs(30);

#[tokio::test]
async fn who_was_removed_a_moment_ago_changes_nothing() {
    let app = App::start().await;
    let mut bob = Browser::registered(&app, "bob@out.example", "Looms").await;
    let bob_id = text(&bob.get("/v1/auth/me").await.json()["user"]["id"]);
    let (tenant, person) = (uuid(&app.tenant_id), uuid(&bob_id));
    let join = format!("insert into members (tenant_id, person_id, role) values ('{tenant}', '{person}', 'owner')");
    as_superuser(&app, &join).await;
    assert_eq!(bob.post("switch", &json!({"tenant_id": app.tenant_id})).await.status, 200);
    let owner = app.new_key(&app.api_key, json!({"name": "owner", "role": "owner"})).await;
    let key = format!("/v1/keys/{}", text(&owner["id"]));
    let friend = app.member(&app.tenant_id, "eve", "viewer").await;
    let friend = format!("/v1/tenant/members/{}", friend.id);
    let eve = json!({"email": "eve@out.example", "role": "owner"});
    let keys_before = app.look("/v1/keys", &app.api_key).await.json();
    let credential = json!({"api_key": provider_key("openai")});
    let path = |path: &str| path.to_owned();
    for (method, path, body) in [
        (Method::POST, path("/v1/keys"), json!({"name": "x", "role": "owner"})),
        (Method::POST, format!("{key}/rotate"), Value::Null),
        (Method::PATCH, key.clone(), json!({"name": "x"})),
        (Method::DELETE, key, Value::Null),
        (Method::POST, path("/v1/tenant/members"), eve),
        (Method::PATCH, friend.clone(), json!({"role": "owner"})),
        (Method::DELETE, friend, Value::Null),
        (Method::PUT, path("/v1/tenant/keys/openai"), credential),
        (Method::PATCH, path("/v1/tenant"), json!({"name": "x"})),
        (Method::DELETE, path("/v1/tenant"), json!({"name": "test"})),
    ] {
        assert_eq!(bob.get("/v1/keys").await.status, 200, "{method} {path}: from here on they are remembered");
        as_superuser(&app, &format!("delete from members where person_id = '{person}'")).await;
        assert_eq!(bob.get("/v1/keys").await.status, 200, "{method} {path}: they still are");
        let answer = bob.send(method.clone(), &path, &body).await;
        assert_eq!(outcome(&answer), refused(401, "invalid_api_key"), "{method} {path}: {}", answer.text());
        as_superuser(&app, &join).await;
    }
    let names =
        |keys: &Value| keys["data"].as_array().expect("keys").iter().map(|key| text(&key["name"])).collect::<Vec<_>>();
    let keys_after = app.look("/v1/keys", &app.api_key).await.json();
    assert_eq!(names(&keys_after), names(&keys_before));
    assert_eq!(
        bob.send(Method::PATCH, "/v1/tenant", &json!({"name": "y"})).await.status,
        200,
        "the control: a member may"
    );
}

#[tokio::test]
async fn the_access_token_of_a_session_that_ended_makes_nothing_and_is_refused_within_thirty_seconds() {
    let app = App::start().await;
    let email = "ada@out.example";
    let body = json!({"name": "x", "role": "owner"});
    let mut ada = Browser::registered(&app, email, "Engines").await;
    let mut stays = Browser::new(&app);
    assert_eq!(stays.sign_in(email, PASSWORD).await.status, 200);
    for way in ["logout", "a refresh token that comes twice", "another password"] {
        let mut out = Browser::new(&app);
        assert_eq!(out.sign_in(email, PASSWORD).await.status, 200, "{way}");
        assert_eq!(
            (out.get("/v1/keys").await.status, out.get("/v1/models").await.status),
            (StatusCode::OK, StatusCode::OK),
            "{way}"
        );
        match way {
            "logout" => assert_eq!(out.post("logout", &Value::Null).await.status, 204),
            "another password" => {
                let change = json!({"current_password": PASSWORD, "new_password": "another horse, another battery"});
                assert_eq!(stays.post("password", &change).await.status, 204);
            }
            _ => {
                let (token, cookie) = (out.token.clone(), out.cookie.clone());
                assert_eq!(out.post("refresh", &Value::Null).await.status, 200);
                out.cookie = cookie;
                assert_eq!(out.post("refresh", &Value::Null).await.status, 401);
                out.token = token;
            }
        }
        let made = out.send(Method::POST, "/v1/keys", &body).await;
        assert_eq!(outcome(&made), refused(401, "invalid_api_key"), "{way}: {}", made.text());
        app.clock.advance(REMEMBERED);
        assert_eq!(outcome(&out.get("/v1/models").await), refused(401, "invalid_api_key"), "{way}");
        assert_eq!(stays.send(Method::POST, "/v1/keys", &body).await.status, 201, "{way}: other sessions go on");
    }
    assert_eq!(
        outcome(&ada.get("/v1/models").await),
        refused(401, "invalid_api_key"),
        "the password ended this one too"
    );
}
