//! Every route with an id in it × ids of another tenant × each kind of credential: as if there were no such thing.

use crate::route_table::{OWNERS, routes};
use http::{HeaderMap, Method, StatusCode};
use serde_json::{Value, json};
use supergate::clock::Clock as _;
use supergate_tests::{
    app::{Answer, App},
    cache_rows,
    issuer::{Issuer, SigningKey},
    office::PASSWORD,
};
use uuid::Uuid;

/// Somebody who calls.
struct Caller {
    kind: &'static str,
    role: &'static str,
    tenant: Uuid,
    credential: String,
}

/// Ids of things that somebody has, or that nobody has.
struct Things {
    budget: String,
    entry: String,
    key: String,
    tenant: String,
    member: String,
    price: String,
    invitation: String,
    provider: &'static str,
}

impl Things {
    /// Of nobody: of the right form.
    fn of_nobody() -> Self {
        let id = |prefix: &str| format!("{prefix}{}", Uuid::now_v7().simple());
        Self {
            budget: id("bud_"),
            entry: id("che_"),
            key: id("key_"),
            tenant: id("ten_"),
            member: id("usr_"),
            price: id("prc_"),
            invitation: id("inv_"),
            provider: "mistral",
        }
    }

    /// New ones, made with somebody's credential.
    async fn make(app: &App, maker: &Caller, provider: &'static str) -> Self {
        let made = async |method, path: &str, body: Value| -> Value {
            let answer = app.call(method, path, &maker.credential, &body).await;
            assert!(answer.status.is_success(), "{path}: {}", answer.text());
            answer.json()
        };
        let key = made(Method::POST, "/v1/keys", json!({"name": "k", "role": "member"})).await;
        let email = format!("{}@example.com", Uuid::now_v7().simple());
        let invitation = made(Method::POST, "/v1/tenant/members", json!({"email": email, "role": "member"})).await;
        let prefix = if provider == "openai" { "sk-" } else { "" };
        let stored = json!({"api_key": format!("{prefix}{}", Uuid::now_v7().simple())});
        made(Method::PUT, &format!("/v1/tenant/keys/{provider}"), stored).await;
        let person = Uuid::now_v7();
        let sql = format!(
            "insert into people (id, email, name) values ('{person}', '{email}', 'somebody');
             insert into members (tenant_id, person_id, role) values ('{}', '{person}', 'member')",
            maker.tenant
        );
        app.database.superuser().await.batch_execute(&sql).await.expect("a member");
        let id = |of: &Value| of["id"].as_str().expect("an id").to_owned();
        made(Method::PUT, "/v1/limits", json!({"scope": {"key_id": id(&key)}, "limits": {"rpm": 9}})).await;
        // A tenant has so many of them and no more, and things are made again and again.
        let room = format!(
            "delete from budgets where tenant_id = '{0}'; delete from prices where tenant_id = '{0}'",
            maker.tenant
        );
        app.database.superuser().await.batch_execute(&room).await.expect("room");
        let tag = Uuid::now_v7().simple().to_string();
        let budget = json!({"scope": {"tag": tag}, "limit_usd": 1, "period": "total", "hard": false});
        let budget = made(Method::POST, "/v1/budgets", budget).await;
        let starts_at = format!("2099-01-01T00:00:00.{:06}Z", Uuid::now_v7().as_u128() % 1_000_000);
        let price = json!({"model": "openai/gpt-4o-mini", "input_usd": 1, "output_usd": 2, "starts_at": starts_at});
        let price = made(Method::POST, "/v1/prices", price).await;
        Self {
            price: id(&price),
            budget: id(&budget),
            entry: cache_rows::plant(&app.database.superuser().await, maker.tenant, &Value::Null).await,
            key: id(&key),
            tenant: format!("ten_{}", maker.tenant.simple()),
            member: format!("usr_{}", person.simple()),
            invitation: id(&invitation),
            provider,
        }
    }

    fn path(&self, template: &str) -> String {
        template
            .replace("{price}", &self.price)
            .replace("{budget}", &self.budget)
            .replace("{entry}", &self.entry)
            .replace("{key}", &self.key)
            .replace("{tenant}", &self.tenant)
            .replace("{member}", &self.member)
            .replace("{invitation}", &self.invitation)
            .replace("{provider}", self.provider)
    }
}

const PLATFORM: Uuid = Uuid::from_u128(0x0000_0000_0000_7000_8000_0000_0000_0000);

/// An identity provider, of which one name vouches for people of tenants and another for operators.
struct Idp {
    key: SigningKey,
    issuer: Issuer,
}

impl Idp {
    async fn start() -> Self {
        let key = SigningKey::ed();
        let issuer = Issuer::start(vec![key.jwk("1")]).await;
        Self { key, issuer }
    }

    /// An app that believes it. The platform itself has no key of some providers, so that it has none of what only the other tenant has, nor
    /// of what nobody has.
    async fn app(&self) -> App {
        let (url, platform) = (self.issuer.jwks_url(), format!("ten_{}", PLATFORM.simple()));
        let issuers = json!([
            {"issuer": "https://idp.example", "audience": "supergate", "jwks_url": url, "tenant_claim": "org", "role_claim": "role"},
            {"issuer": "https://operators.example", "audience": "supergate", "jwks_url": url, "tenant": platform,
             "role_claim": "role", "roles": {"operator": "operator"}},
        ]);
        let vars =
            [("CO_API_KEY", "none"), ("MISTRAL_API_KEY", "none"), ("SUPERGATE_OIDC_ISSUERS", &issuers.to_string())];
        App::start_with(&vars).await
    }

    fn token(&self, issuer: &str, app: &App, role: &str) -> String {
        let now = app.clock.since_epoch().as_secs();
        let claims = json!({"iss": format!("https://{issuer}.example"), "aud": "supergate", "sub": role, "role": role,
                            "org": app.tenant_id, "exp": now + 3600});
        self.key.sign(&json!({"alg": "EdDSA", "kid": "1"}), &claims)
    }
}

/// Each kind of credential. A new kind is a new line.
async fn callers(app: &App, idp: &Idp) -> Vec<Caller> {
    let tenant = id_of(&app.tenant_id);
    let caller = |kind, role, tenant, credential| Caller { kind, role, tenant, credential };
    vec![
        caller("an owner's key", "owner", tenant, app.api_key.clone()),
        caller("an admin's key", "admin", tenant, key_of(app, "admin").await),
        caller("a member's key", "member", tenant, key_of(app, "member").await),
        caller("a viewer's key", "viewer", tenant, key_of(app, "viewer").await),
        caller("an operator's key", "operator", PLATFORM, app.operator_key.clone()),
        caller("an owner's access token", "owner", tenant, app.token_of("owner").await),
        caller("an admin's access token", "admin", tenant, app.token_of("admin").await),
        caller("a member's access token", "member", tenant, app.token_of("member").await),
        caller("a viewer's access token", "viewer", tenant, app.token_of("viewer").await),
        caller("an outside owner's token", "owner", tenant, idp.token("idp", app, "owner")),
        caller("an outside admin's token", "admin", tenant, idp.token("idp", app, "admin")),
        caller("an outside member's token", "member", tenant, idp.token("idp", app, "member")),
        caller("an outside viewer's token", "viewer", tenant, idp.token("idp", app, "viewer")),
        caller("an outside operator's token", "operator", PLATFORM, idp.token("operators", app, "operator")),
    ]
}

async fn key_of(app: &App, role: &str) -> String {
    let answer = app.call(Method::POST, "/v1/keys", &app.api_key, &json!({"name": role, "role": role})).await;
    answer.json()["key"].as_str().expect("a key").to_owned()
}

fn id_of(text: &str) -> Uuid {
    text.strip_prefix("ten_").and_then(|id| id.parse().ok()).expect("a tenant's id")
}

/// Another tenant, and its owner.
async fn other_tenant(app: &App) -> Caller {
    let answer = app.call(Method::POST, "/v1/tenant", &app.operator_key, &json!({"name": "other"})).await.json();
    let text = |name: &str| answer[name].as_str().expect(name).to_owned();
    Caller { kind: "the other's key", role: "owner", tenant: id_of(&text("id")), credential: text("api_key") }
}

/// All that can be told of an answer, but for the request's own id.
fn told(answer: &Answer) -> (StatusCode, HeaderMap, String) {
    let mut headers = answer.headers.clone();
    headers.remove("x-request-id").expect("every answer has a request id");
    (answer.status, headers, answer.text())
}

/// All rows of a tenant but what says when a credential was last used.
async fn rows_of(app: &App, tenant: Uuid) -> Vec<Value> {
    let mut rows = Vec::new();
    for table in [
        "tenants",
        "api_keys",
        "members",
        "invitations",
        "provider_credentials",
        "limits",
        "budgets",
        "prices",
        "cache_entries",
        "cache_settings",
        "cache_trust",
        "audit_events",
        "usage_events",
    ] {
        let column = if table == "tenants" { "id" } else { "tenant_id" };
        let sql = format!("select to_jsonb(t) - 'last_used_at' from {table} t where {column} = $1 order by 1");
        let found = app.database.superuser().await.query(&sql, &[&tenant]).await.expect("rows");
        rows.extend(found.iter().map(|row| row.get::<_, Value>(0)));
    }
    rows
}

#[tokio::test]
async fn an_id_of_another_tenant_is_an_id_of_nothing_on_every_route_for_every_kind_of_credential() {
    let idp = Idp::start().await;
    let app = idp.app().await;
    let other = other_tenant(&app).await;
    let theirs = Things::make(&app, &other, "cohere").await;
    let before = rows_of(&app, other.tenant).await;
    let (mut tried, mut controls) = (0, 0);
    let callers = callers(&app, &idp).await;
    for caller in &callers {
        for route in routes() {
            // Operators manage every tenant.
            if caller.role == "operator" && route.path.contains("{tenant}") {
                continue;
            }
            let may = route.may.contains(&caller.role);
            let ask = async |things: &Things| {
                app.call(route.method.clone(), &things.path(route.path), &caller.credential, &route.body).await
            };
            let what = format!("{} {} with {}", route.method, route.path, caller.kind);
            let nothing = told(&ask(&Things::of_nobody()).await);
            let expected = if may { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN };
            // Where everybody may look at their own tenant, another's is a 404 for everybody.
            assert_eq!(nothing.0, expected, "{what}: {}", nothing.2);
            assert_eq!(told(&ask(&theirs).await), nothing, "{what}");
            tried += 1;
            if may {
                // Made by whoever may: what the caller is to find.
                let own = Things::make(&app, caller_who_makes(&callers, caller), "openai").await;
                let answer = ask(&own).await;
                assert_eq!(answer.status, route.own, "the positive control: {what}: {}", answer.text());
                controls += 1;
            }
        }
    }
    assert_eq!(rows_of(&app, other.tenant).await, before, "nothing of the other tenant was changed");
    println!(
        "isolation: {tried} routes x kinds of credential tell nothing of another tenant's ids, {controls} find their own"
    );
}

#[tokio::test]
async fn a_tenant_that_somebody_asks_to_act_for_is_one_of_their_own_or_none() {
    let idp = Idp::start().await;
    let app = idp.app().await;
    let other = other_tenant(&app).await;
    let ids = [Things::of_nobody().tenant, format!("ten_{}", other.tenant.simple()), app.tenant_id.clone()];
    let before = rows_of(&app, other.tenant).await;
    for caller in callers(&app, &idp).await {
        let ask = async |tenant: &str| {
            let body = json!({"tenant_id": tenant});
            app.call(Method::POST, "/v1/auth/switch", &caller.credential, &body).await
        };
        let is_person = caller.kind.ends_with("access token");
        let nothing = told(&ask(&ids[0]).await);
        // Who has no account here has nothing to switch, whatever they name.
        assert_eq!(nothing.0, if is_person { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN }, "{}", caller.kind);
        assert_eq!(told(&ask(&ids[1]).await), nothing, "{}", caller.kind);
        let own = ask(&ids[2]).await.status;
        assert_eq!(own, if is_person { StatusCode::OK } else { nothing.0 }, "the control: {}", caller.kind);
    }
    for role in ["owner", "admin", "member", "viewer"] {
        let log_in = async |tenant: &str| {
            let body =
                json!({"email": format!("{role}@registered.example"), "password": PASSWORD, "tenant_id": tenant});
            app.visit("login", &body).await
        };
        let nothing = told(&log_in(&ids[0]).await);
        assert_eq!(nothing.0, StatusCode::NOT_FOUND, "{role}: {}", nothing.2);
        assert_eq!(told(&log_in(&ids[1]).await), nothing, "{role}");
        assert_eq!(log_in(&ids[2]).await.status, StatusCode::OK, "the control: {role}");
    }
    assert_eq!(rows_of(&app, other.tenant).await, before, "nothing of the other tenant was changed");
}

fn caller_who_makes<'a>(callers: &'a [Caller], caller: &'a Caller) -> &'a Caller {
    let makes = |one: &&Caller| one.tenant == caller.tenant && OWNERS.contains(&one.role);
    callers.iter().find(makes).expect("an owner")
}
