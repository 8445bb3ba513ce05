//! People and their tenants: several of them, invitations, suspension, removal.

use super::{
    MINUTE, as_superuser,
    browser::{Browser, PASSWORD},
    outcome, refused, uuid,
};
use http::Method;
use serde_json::{Value, json};
use std::time::Duration;
use supergate::tenancy::{InvitationId, OpaqueToken};
use supergate_tests::{
    app::{App, MODELS},
    postgres,
};
use zeroize::Zeroizing;

/// As long as a principal is remembered.
const REMEMBERED: Duration = Duration::from_secs(30);

/// An invitation to a tenant, as its administrator makes it: the token.
async fn invite(app: &App, tenant_id: &str, email: &str, role: &str) -> String {
    let id = InvitationId::from_uuid(uuid::Uuid::now_v7());
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let token = OpaqueToken::new(id, Zeroizing::new(secret));
    let hash: String = token.hash().iter().map(|byte| format!("{byte:02x}")).collect();
    let sql = format!(
        "insert into invitations (id, tenant_id, email, role, hash, expires_at)
         values ('{}', '{}', '{email}', '{role}', '\\x{hash}', now() + interval '7 days')",
        id.as_uuid(),
        uuid(tenant_id)
    );
    as_superuser(app, &sql).await;
    token.reveal().to_string()
}

async fn tenant_of(browser: &mut Browser<'_>) -> String {
    browser.get("/v1/auth/me").await.json()["tenant"]["id"].as_str().expect("a tenant").to_owned()
}

#[tokio::test]
async fn a_person_of_several_tenants_acts_for_the_one_they_name() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@several.example", "Engines").await;
    let mut bob = Browser::registered(&app, "bob@several.example", "Looms").await;
    let (engines, looms) = (tenant_of(&mut ada).await, tenant_of(&mut bob).await);
    let refusal = ada.post("switch", &json!({"tenant_id": looms})).await;
    let unknown = ada.post("switch", &json!({"tenant_id": "ten_0193a1b2c3d47e5f8a9b0c1d2e3f4a5b"})).await;
    assert_eq!(
        (outcome(&refusal), refusal.text()),
        (refused(404, "not_found"), unknown.text()),
        "no member: there is no such tenant"
    );

    let invitation = invite(&app, &looms, "ada@several.example", "viewer").await;
    let answer = ada.post("accept", &json!({"invitation": invitation})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["tenant"]["id"]), (200, &json!(looms)), "{}", answer.text());
    assert_eq!(tenant_of(&mut ada).await, engines, "the session goes on as it is");
    let me = ada.get("/v1/auth/me").await.json();
    let tenants: Vec<_> =
        me["tenants"].as_array().expect("tenants").iter().map(|one| (&one["id"], &one["role"])).collect();
    assert_eq!(tenants, [(&json!(engines), &json!("owner")), (&json!(looms), &json!("viewer"))]);

    let before = ada.token.clone();
    let answer = ada.post("switch", &json!({"tenant_id": looms})).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["tenant"]["role"]), (200, &json!("viewer")));
    let ask = json!({"model": MODELS[0], "messages": [{"role": "user", "content": "hello"}]});
    assert_eq!(
        outcome(&ada.send(Method::POST, "/v1/chat/completions", &ask).await),
        refused(403, "permission_denied"),
        "a viewer there"
    );
    ada.token = before;
    assert_eq!(
        ada.send(Method::POST, "/v1/chat/completions", &ask).await.status,
        200,
        "an owner here, while that token lasts"
    );
    assert_eq!(
        ada.post("refresh", &Value::Null).await.json()["tenant"]["id"],
        json!(looms),
        "the session has switched"
    );

    let body = json!({"email": "ada@several.example", "password": PASSWORD, "tenant_id": looms});
    assert_eq!(ada.post("login", &body).await.json()["tenant"]["id"], json!(looms));
    assert_eq!(
        ada.sign_in("ada@several.example", PASSWORD).await.json()["tenant"]["id"],
        json!(engines),
        "the first without a word"
    );
    let body = json!({"email": "bob@several.example", "password": PASSWORD, "tenant_id": engines});
    assert_eq!(outcome(&bob.post("login", &body).await), refused(404, "not_found"), "bob is no member of that");
}

#[tokio::test]
async fn switching_without_the_cookie_gives_no_more_time_than_there_was() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@short.example", "Engines").await;
    let invitation = invite(&app, &app.tenant_id, "ada@short.example", "member").await;
    assert_eq!(ada.post("accept", &json!({"invitation": invitation})).await.status, 200);
    ada.cookie.clear();
    app.clock.advance(14 * MINUTE);
    let answer = ada.post("switch", &json!({"tenant_id": app.tenant_id})).await;
    assert_eq!((answer.status.as_u16(), answer.header("set-cookie")), (200, ""));
    assert_eq!(tenant_of(&mut ada).await, app.tenant_id);
    app.clock.advance(MINUTE);
    assert_eq!(ada.get("/v1/auth/me").await.status, 401);
}

#[tokio::test]
async fn an_invitation_is_good_once_for_one_address_and_for_a_while() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@invited.example", "Engines").await;
    let accept = |token: &str| json!({"invitation": token});
    let for_bob = invite(&app, &app.tenant_id, "bob@invited.example", "admin").await;
    let wrong = format!("{}_{}", for_bob.rsplit_once('_').expect("two parts").0, "1".repeat(32));
    let unknown = for_bob.replace(&for_bob[4..12], "00000000");
    let mut told = Vec::new();
    for token in [&for_bob, &wrong, &unknown] {
        let answer = ada.post("accept", &accept(token)).await;
        assert_eq!(outcome(&answer), refused(400, "invalid_value"));
        told.push(answer.text());
    }
    assert!(told.windows(2).all(|pair| pair[0] == pair[1]), "why it is none is nobody's business: {told:?}");

    let register =
        |email: &str, token: &str| json!({"email": email, "password": PASSWORD, "name": "Bob", "invitation": token});
    let mut bob = Browser::new(&app);
    assert_eq!(bob.post("register", &register("eve@invited.example", &for_bob)).await.status, 400, "not eve's");
    let answer = bob.post("register", &register("bob@invited.example", &for_bob)).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    assert_eq!(
        (&answer.json()["tenant"]["id"], &answer.json()["tenant"]["role"]),
        (&json!(app.tenant_id), &json!("admin"))
    );
    assert_eq!(bob.get("/v1/tenant/keys").await.status, 200, "an admin of the tenant");
    assert_eq!(bob.post("accept", &accept(&for_bob)).await.status, 400, "used");

    let again = invite(&app, &app.tenant_id, "bob@invited.example", "owner").await;
    assert_eq!(outcome(&bob.post("accept", &accept(&again)).await), refused(409, "conflict"), "a member already");
    let late = invite(&app, &app.tenant_id, "ada@invited.example", "member").await;
    app.clock.advance(Duration::from_secs(8 * 24 * 60 * 60));
    assert_eq!(ada.post("refresh", &Value::Null).await.status, 200);
    assert_eq!(ada.post("accept", &accept(&late)).await.status, 400, "expired");
}

#[tokio::test]
async fn what_people_do_to_a_tenant_and_to_their_password_is_in_the_audit() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@audit.example", "Engines").await;
    let (ada_id, engines) = (ada.get("/v1/auth/me").await.json()["user"]["id"].clone(), tenant_of(&mut ada).await);
    let other = "another horse, another battery";
    app.clock.advance(Duration::from_millis(2));
    let change = json!({"current_password": PASSWORD, "new_password": other});
    assert_eq!(ada.post("password", &change).await.status, 204);
    let mut bob = Browser::new(&app);
    let invitation = invite(&app, &engines, "bob@audit.example", "admin").await;
    app.clock.advance(Duration::from_millis(2));
    let join = json!({"email": "bob@audit.example", "password": PASSWORD, "name": "Bob", "invitation": invitation});
    assert_eq!(bob.post("register", &join).await.status, 201);
    let bob_id = bob.get("/v1/auth/me").await.json()["user"]["id"].clone();
    let mut eve = Browser::registered(&app, "eve@audit.example", "Looms").await;
    let eve_id = eve.get("/v1/auth/me").await.json()["user"]["id"].clone();
    let invitation = invite(&app, &engines, "eve@audit.example", "viewer").await;
    app.clock.advance(Duration::from_millis(2));
    assert_eq!(eve.post("accept", &json!({"invitation": invitation})).await.status, 200);

    let audit = ada.get("/v1/audit").await.json();
    let told: Vec<_> = audit["data"].as_array().expect("events").iter().rev().collect();
    let expected = [
        ("tenants.register", &ada_id, &json!(engines)),
        ("people.change_password", &ada_id, &ada_id),
        ("members.join", &bob_id, &bob_id),
        ("members.join", &eve_id, &eve_id),
    ];
    let short: Vec<_> =
        told.iter().map(|one| (one["action"].as_str().unwrap_or(""), &one["actor"], &one["target"])).collect();
    assert_eq!(short, expected);
    assert_eq!((&told[2]["after"]["role"], &told[3]["after"]["role"]), (&json!("admin"), &json!("viewer")));
    let text = audit.to_string();
    assert!(![PASSWORD, other, &invitation].iter().any(|secret| text.contains(*secret)), "{text}");
}

#[tokio::test]
async fn a_deployment_can_take_invited_people_only() {
    let app = App::start_with(&[("SUPERGATE_REGISTRATION", "invited")]).await;
    let mut ada = Browser::new(&app);
    let body = json!({"email": "ada@closed.example", "password": PASSWORD, "name": "Ada", "tenant_name": "Engines"});
    assert_eq!(outcome(&ada.post("register", &body).await), refused(403, "permission_denied"));
    let invitation = invite(&app, &app.tenant_id, "ada@closed.example", "member").await;
    let body = json!({"email": "ada@closed.example", "password": PASSWORD, "name": "Ada", "invitation": invitation});
    assert_eq!(ada.post("register", &body).await.status, 201);
}

#[tokio::test]
async fn a_suspended_tenants_people_are_refused_within_thirty_seconds_and_a_removed_member_too() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@gone.example", "Engines").await;
    let engines = tenant_of(&mut ada).await;
    assert_eq!(ada.get("/v1/models").await.status, 200);
    let set = |status: &str| format!("update tenants set status = '{status}' where id = '{}'", uuid(&engines));
    as_superuser(&app, &set("suspended")).await;
    app.clock.advance(REMEMBERED);
    assert_eq!(outcome(&ada.get("/v1/models").await), refused(401, "invalid_api_key"));
    assert_eq!(outcome(&ada.sign_in("ada@gone.example", PASSWORD).await), refused(403, "tenant_suspended"));
    assert_eq!(outcome(&ada.post("refresh", &Value::Null).await), refused(403, "tenant_suspended"));
    assert_eq!(outcome(&ada.post("switch", &json!({"tenant_id": engines})).await), refused(403, "tenant_suspended"));
    let me = ada.get("/v1/auth/me").await.json();
    assert_eq!((&me["tenant"], &me["permissions"]), (&Value::Null, &json!([])), "they see that, and why");
    assert_eq!(me["tenants"][0]["status"], "suspended");
    as_superuser(&app, &set("active")).await;
    assert_eq!(ada.post("refresh", &Value::Null).await.status, 200, "the refusals have not used the token up");
    assert_eq!(ada.get("/v1/models").await.status, 200);

    as_superuser(&app, &format!("delete from members where tenant_id = '{}'", uuid(&engines))).await;
    app.clock.advance(REMEMBERED);
    assert_eq!(outcome(&ada.get("/v1/models").await), refused(401, "invalid_api_key"));
    let answer = ada.post("refresh", &Value::Null).await;
    assert_eq!((answer.status.as_u16(), &answer.json()["tenant"]), (200, &Value::Null), "a person of no tenant");
    assert_eq!(outcome(&ada.get("/v1/models").await), refused(401, "invalid_api_key"));
    let invitation = invite(&app, &app.tenant_id, "ada@gone.example", "member").await;
    assert_eq!(ada.post("accept", &json!({"invitation": invitation})).await.status, 200, "can join another");
    assert_eq!(ada.post("refresh", &Value::Null).await.json()["tenant"]["id"], json!(app.tenant_id));
    assert_eq!(ada.get("/v1/models").await.status, 200);
}

#[tokio::test]
async fn a_known_token_is_served_while_the_database_is_away_and_an_unknown_one_is_a_503() {
    let app = App::start().await;
    let mut ada = Browser::registered(&app, "ada@blackout.example", "Engines").await;
    let mut bob = Browser::registered(&app, "bob@blackout.example", "Looms").await;
    app.clock.advance(MINUTE);
    assert_eq!(ada.get("/v1/models").await.status, 200);
    let name: String = {
        let superuser = app.database.superuser().await;
        superuser.query_one("select current_database()::text", &[]).await.expect("its name").get(0)
    };
    let server = postgres::superuser_url();
    let end = format!("select pg_terminate_backend(pid) from pg_stat_activity where datname = '{name}'");
    let rename = async |from: &str, to: &str| {
        postgres::execute(&server, &format!("{end}; alter database {from} rename to {to}")).await;
    };
    rename(&name, &format!("{name}_away")).await;
    app.clock.advance(REMEMBERED);
    assert_eq!(ada.get("/v1/models").await.status, 200, "known a moment ago");
    assert_eq!(outcome(&bob.get("/v1/models").await), refused(503, "unavailable"), "unknown: nobody can say");
    app.clock.advance(13 * MINUTE);
    assert_eq!(ada.get("/v1/models").await.status, 200, "until the token ends");
    app.clock.advance(MINUTE);
    assert_eq!(outcome(&ada.get("/v1/models").await), refused(401, "invalid_api_key"), "and no longer");
    rename(&format!("{name}_away"), &name).await;
}
