//! `/v1/tenant/members`: who belongs to a tenant, and who is asked to.

use http::Method;
use serde_json::{Value, json};
use supergate::tenancy::{InvitationId, PersonId};
use supergate_tests::{
    app::{Answer, App},
    office::{Member, text},
};

const ROUTE: &str = "/v1/tenant/members";
const INVITATIONS: &str = "/v1/tenant/members/invitations";

async fn set_role(app: &App, key: &str, member: &Member, role: &str) -> Answer {
    app.call(Method::PATCH, &format!("{ROUTE}/{}", member.id), key, &json!({"role": role})).await
}

async fn remove(app: &App, key: &str, member: &Member) -> Answer {
    app.call(Method::DELETE, &format!("{ROUTE}/{}", member.id), key, &Value::Null).await
}

async fn invite(app: &App, key: &str, email: &str, role: &str) -> Answer {
    app.call(Method::POST, ROUTE, key, &json!({"email": email, "role": role})).await
}

/// An id's UUID, for SQL.
fn uuid(id: &str) -> &str {
    id.split_once('_').expect("a prefix").1
}

#[tokio::test]
async fn members_are_listed_in_pages_and_read_one_by_one() {
    let app = App::start().await;
    let mut members = Vec::new();
    for (name, role) in [("ada", "owner"), ("ben", "admin"), ("cy", "viewer")] {
        members.insert(0, app.member(&app.tenant_id, name, role).await);
    }
    let other = app.other_tenant("other").await;
    let stranger = app.member(&other.id, "dan", "owner").await;
    let first = app.look(&format!("{ROUTE}?limit=2"), &app.api_key).await.json();
    let second = format!("{ROUTE}?limit=2&cursor={}", text(&first["next_cursor"]));
    let second = app.look(&second, &app.api_key).await.json();
    let ids =
        |page: &Value| page["data"].as_array().expect("a list").iter().map(|one| text(&one["id"])).collect::<Vec<_>>();
    let expected: Vec<String> = members.iter().map(|member| member.id.clone()).collect();
    assert_eq!([ids(&first), ids(&second)].concat(), expected, "newest first, and nobody else's");
    assert_eq!(second["next_cursor"], Value::Null);

    let one = app.look(&format!("{ROUTE}/{}", members[0].id), &app.api_key).await.json();
    assert_eq!((&one["email"], &one["name"], &one["role"]), (&json!("cy@example.com"), &json!("cy"), &json!("viewer")));
    assert_eq!(one, first["data"][0]);
    let nobody = PersonId::generate(std::time::Duration::from_secs(1)).to_string();
    for method in [Method::GET, Method::PATCH, Method::DELETE] {
        let mut bodies = Vec::new();
        for id in [&stranger.id, &nobody, "usr_1", "x"] {
            let answer =
                app.call(method.clone(), &format!("{ROUTE}/{id}"), &app.api_key, &json!({"role": "viewer"})).await;
            assert_eq!(answer.status, 404, "{method} {id}");
            bodies.push(answer.text());
        }
        bodies.dedup();
        assert_eq!(bodies.len(), 1, "{method}: {bodies:?}");
    }
}

#[tokio::test]
async fn a_role_is_given_and_taken_by_those_who_have_it() {
    let app = App::start().await;
    let admin = app.key_of("admin").await;
    let (ada, ben) =
        (app.member(&app.tenant_id, "ada", "owner").await, app.member(&app.tenant_id, "ben", "member").await);
    assert_eq!(set_role(&app, &admin, &ben, "admin").await.json()["role"], "admin");
    let beyond = (403, "permission_denied".to_owned(), "role".to_owned());
    assert_eq!(set_role(&app, &admin, &ben, "owner").await.refusal(), beyond, "an admin makes no owners");
    assert_eq!(set_role(&app, &admin, &ada, "viewer").await.refusal(), beyond, "nor demotes them");
    assert_eq!(remove(&app, &admin, &ada).await.refusal(), beyond, "nor removes them");
    assert_eq!(set_role(&app, &app.api_key, &ben, "owner").await.status, 200);
    for (body, param) in [
        (json!({"role": "operator"}), "role"),
        (json!({"role": "king"}), "role"),
        (json!({}), "role"),
        (json!({"role": "viewer", "email": "x@example.com"}), "email"),
    ] {
        let answer = app.call(Method::PATCH, &format!("{ROUTE}/{}", ben.id), &app.api_key, &body).await;
        assert_eq!(answer.refusal(), (400, "invalid_value".into(), param.into()), "{body}");
    }
    assert_eq!(remove(&app, &admin, &app.member(&app.tenant_id, "cy", "viewer").await).await.status, 204);
    let accounts = "select count(*) from people where name = 'cy'";
    let accounts: i64 = app.database.superuser().await.query_one(accounts, &[]).await.expect("a count").get(0);
    assert_eq!(accounts, 1, "the account stays: it is the person's");
}

#[tokio::test]
async fn the_last_owner_neither_leaves_nor_becomes_less() {
    let app = App::start().await;
    let ada = app.member(&app.tenant_id, "ada", "owner").await;
    for answer in [set_role(&app, &app.api_key, &ada, "admin").await, remove(&app, &app.api_key, &ada).await] {
        assert_eq!((answer.status.as_u16(), answer.error_code().as_str()), (409, "conflict"));
    }
    assert_eq!(set_role(&app, &app.api_key, &ada, "owner").await.status, 200, "what she is she may stay");
    let ben = app.member(&app.tenant_id, "ben", "owner").await;
    let (first, second) = tokio::join!(remove(&app, &app.api_key, &ada), remove(&app, &app.api_key, &ben));
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "of two who leave at once one stays");
}

#[tokio::test]
async fn of_two_owners_who_leave_at_the_same_moment_one_stays() {
    let app = App::start().await;
    let ada = app.member(&app.tenant_id, "ada", "owner").await;
    let ben = app.member(&app.tenant_id, "ben", "owner").await;
    let superuser = app.database.superuser().await;
    // Both have taken their first lock before either can take another.
    let hold = format!("begin; select from members where person_id = '{}' for update", uuid(&ada.id));
    superuser.batch_execute(&hold).await.expect("a lock");
    let (first, second, ()) = tokio::join!(remove(&app, &app.api_key, &ada), remove(&app, &app.api_key, &ben), async {
        app.database.until_waiting(2).await;
        superuser.batch_execute("rollback").await.expect("to let go");
    });
    let mut statuses = [first.status.as_u16(), second.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [204, 409], "{} {}", first.text(), second.text());
}

#[tokio::test]
async fn what_the_database_gives_up_because_of_others_is_to_be_tried_again() {
    let app = App::start().await;
    let ada = app.member(&app.tenant_id, "ada", "owner").await;
    let superuser = app.database.superuser().await;
    // The gateway's session is the one that finds the deadlock.
    let hold = format!(
        "set deadlock_timeout = '1h'; begin; select from members where person_id = '{}' for update",
        uuid(&ada.id)
    );
    superuser.batch_execute(&hold).await.expect("a lock");
    let (answer, ()) = tokio::join!(set_role(&app, &app.api_key, &ada, "owner"), async {
        app.database.until_waiting(1).await;
        let cross = format!("select from tenants where id = '{}' for update; rollback", uuid(&app.tenant_id));
        superuser.batch_execute(&cross).await.expect("the other's lock, once it has given up");
    });
    assert_eq!(answer.refusal(), (503, "unavailable".into(), String::new()));
    assert_eq!(set_role(&app, &app.api_key, &ada, "owner").await.status, 200, "again");
}

#[tokio::test]
async fn an_invitation_above_ones_own_role_is_neither_withdrawn_nor_replaced() {
    let app = App::start().await;
    let admin = app.key_of("admin").await;
    let first = invite(&app, &app.api_key, "eve@example.com", "owner").await.json();
    let beyond = (403, "permission_denied".to_owned(), "role".to_owned());
    let path = format!("{INVITATIONS}/{}", text(&first["id"]));
    assert_eq!(app.call(Method::DELETE, &path, &admin, &Value::Null).await.refusal(), beyond, "an owner's invitation");
    assert_eq!(invite(&app, &admin, "eve@example.com", "viewer").await.refusal(), beyond, "nor by another way");
    let list = app.look(INVITATIONS, &app.api_key).await.json();
    assert_eq!((&list["data"][0]["id"], &list["data"][0]["role"]), (&first["id"], &json!("owner")), "it is as it was");

    let again = invite(&app, &app.api_key, "eve@example.com", "viewer").await.json();
    let path = format!("{INVITATIONS}/{}", text(&again["id"]));
    assert_eq!(app.call(Method::DELETE, &path, &admin, &Value::Null).await.status, 204);
    let events = app.audit(&app.api_key).await;
    let before = |event: &Value| (text(&event["action"]), text(&event["before"]["id"]), text(&event["before"]["role"]));
    assert_eq!(before(&events[0]), ("members.withdraw".into(), text(&again["id"]), "viewer".into()));
    assert_eq!(before(&events[1]), ("members.invite".into(), text(&first["id"]), "owner".into()), "what it replaced");
}

#[tokio::test]
async fn an_invitation_is_shown_once_listed_and_withdrawn() {
    let app = App::start().await;
    let answer = invite(&app, &app.api_key, "Eve@Example.com", "member").await;
    assert_eq!((answer.status.as_u16(), answer.header("cache-control")), (201, "no-store"), "{}", answer.text());
    let mut made = answer.json();
    let token = text(&made["invitation"]);
    assert!(token.starts_with("inv_") && made["email"] == "eve@example.com", "{made}");
    made.as_object_mut().expect("an object").remove("invitation");
    let list = app.look(INVITATIONS, &app.api_key).await;
    assert_eq!(list.json(), json!({"data": [made], "next_cursor": null}));
    let secret = token.rsplit('_').next().expect("a secret");
    let audit = json!(app.audit(&app.api_key).await).to_string();
    assert!(!list.text().contains(secret) && !audit.contains(secret) && audit.contains("members.invite"));

    let again = invite(&app, &app.api_key, "eve@example.com", "viewer").await.json();
    let list = app.look(INVITATIONS, &app.api_key).await.json();
    assert_eq!(list["data"].as_array().map(Vec::len), Some(1), "another invitation takes the place of the first");
    let path = format!("{INVITATIONS}/{}", text(&again["id"]));
    let other = app.other_tenant("other").await;
    assert_eq!(app.call(Method::DELETE, &path, &other.key, &Value::Null).await.status, 404, "another tenant's");
    assert_eq!(app.call(Method::DELETE, &path, &app.api_key, &Value::Null).await.status, 204);
    let gone = app.call(Method::DELETE, &path, &app.api_key, &Value::Null).await;
    let nobody = InvitationId::generate(std::time::Duration::from_secs(1));
    let never = app.call(Method::DELETE, &format!("{INVITATIONS}/{nobody}"), &app.api_key, &Value::Null).await;
    let malformed = app.call(Method::DELETE, &format!("{INVITATIONS}/inv_1"), &app.api_key, &Value::Null).await;
    assert_eq!((gone.status.as_u16(), gone.text()), (404, never.text()));
    assert_eq!(never.text(), malformed.text());
}

#[tokio::test]
async fn invitations_are_listed_in_pages() {
    let app = App::start().await;
    for number in 0..3 {
        assert_eq!(invite(&app, &app.api_key, &format!("p{number}@example.com"), "viewer").await.status, 201);
        app.clock.advance(std::time::Duration::from_millis(2));
    }
    let first = app.look(&format!("{INVITATIONS}?limit=2"), &app.api_key).await.json();
    let second = format!("{INVITATIONS}?limit=2&cursor={}", text(&first["next_cursor"]));
    let second = app.look(&second, &app.api_key).await.json();
    let emails = |page: &Value| {
        page["data"].as_array().expect("a list").iter().map(|one| text(&one["email"])).collect::<Vec<_>>()
    };
    assert_eq!([emails(&first), emails(&second)].concat(), ["p2@example.com", "p1@example.com", "p0@example.com"]);
}

#[tokio::test]
async fn whom_one_may_not_invite() {
    let app = App::start().await;
    let ada = app.member(&app.tenant_id, "ada", "owner").await;
    let admin = app.key_of("admin").await;
    let bounded = json!({"name": "n", "role": "admin", "models": ["openai/*"]});
    let bounded = text(&app.new_key(&app.api_key, bounded).await["key"]);
    #[rustfmt::skip]
    let table = [
        (&app.api_key, "ada@ex\u{e4}mple.com",        "member",   400, "email", "letters that are not ASCII"),
        (&app.api_key, "\u{430}da@example.com",       "member",   400, "email", "a Cyrillic a looks like hers"),
        (&app.api_key, "\u{ff41}da@example.com",      "member",   400, "email", "a fullwidth one too"),
        (&app.api_key, "ada\u{200b}@example.com",     "member",   400, "email", "and one with something invisible"),
        (&app.api_key, "eve@example.com\n",           "member",   400, "email", "a line break"),
        (&app.api_key, "eve",                         "member",   400, "email", "no address"),
        (&app.api_key, "eve@example.com",             "operator", 400, "role",  "operators are the platform's"),
        (&app.api_key, "eve@example.com",             "",         400, "role",  "no role"),
        (&app.api_key, ada.email.as_str(),            "member",   409, "",      "a member already"),
        (&app.api_key, "ADA@example.com",             "member",   409, "",      "the same address"),
        (&admin,       "eve@example.com",             "owner",    403, "role",  "more than one's own"),
        (&bounded,     "eve@example.com",             "viewer",   403, "role",  "a key with bounds would give more than it has"),
    ];
    for (key, email, role, status, param, why) in table {
        let (got, _, named) = invite(&app, key, email, role).await.refusal();
        assert_eq!((got, named.as_str()), (status, param), "{why}");
    }
    let faults = app.call(Method::POST, ROUTE, &app.api_key, &json!({"email": 7, "role": 7, "name": "x"})).await;
    for path in ["`email`", "`role`", "`name`"] {
        assert!(text(&faults.json()["error"]["message"]).contains(path), "{path}: {}", faults.text());
    }
    let member = app.member(&app.tenant_id, "ben", "member").await;
    assert_eq!(set_role(&app, &bounded, &member, "viewer").await.refusal().0, 403, "nor may it give roles");
    assert_eq!(remove(&app, &bounded, &member).await.status, 204, "to take away is not to give");
    for role in ["member", "viewer"] {
        let answer = invite(&app, &app.key_of(role).await, "eve@example.com", "viewer").await;
        assert!(answer.status == 403 && answer.text().contains("members.manage"), "{role}: {}", answer.text());
    }
    assert_eq!(app.look(INVITATIONS, &app.api_key).await.json()["data"], json!([]), "none was made");
}

#[tokio::test]
async fn members_are_at_their_paths_and_nowhere_else() {
    let app = App::start().await;
    for (method, path, status) in [
        (Method::GET, "/v1/tenant/membersx", 404),
        (Method::GET, "/v1/tenants", 404),
        (Method::PATCH, ROUTE, 405),
        (Method::GET, "/v1/tenant/members/invitations/inv_1/x", 404),
        (Method::PUT, ROUTE, 405),
    ] {
        assert_eq!(app.call(method.clone(), path, &app.api_key, &json!({})).await.status, status, "{method} {path}");
    }
}
