//! That the database gives no key more rights than its maker's, whatever the program asks of it.

use super::{
    matrix::OFFICE,
    seed::{Seed, Side, with},
};
use serde_json::{Value, json};
use supergate::tenancy::PersonId;
use tokio_postgres::Client;
use uuid::Uuid;

const MORE_RIGHTS: &str = "a key may not have more rights than its maker";
const MORE_MODELS: &str = "a key may not use more models than its maker";
const LONGER: &str = "a key may not outlive its maker";
const WIDER: &str = "a key may not have higher limits than its maker";
const OTHER_TAGS: &str = "a key may not lack a tag of its maker";
const NO_MAKER: &str = "a key needs a maker";
const FINE: &str = "";

/// Something that somebody signed in as the administrators' role tries, and what the database says to it; nothing if it may.
pub struct Attempt {
    sql: String,
    says: &'static str,
    why: &'static str,
}

/// Keys of the first side that others are made with.
struct Makers {
    limited: Uuid,
    revoked: Uuid,
    member: Uuid,
}

/// Stores the makers, past the trigger.
///
/// # Errors
/// What the database refuses.
pub async fn plant(superuser: &Client, seed: &Seed) -> Result<Vec<Attempt>, String> {
    let side = &seed.sides[0];
    let makers = Makers { limited: Uuid::now_v7(), revoked: Uuid::now_v7(), member: Uuid::now_v7() };
    let (empty, peopled, keyed) = (Side::new(), Side::new(), Side::new());
    let rows = [
        key(
            seed,
            side,
            makers.limited,
            &[
                ("models", json!(["openai/gpt-4o-mini", "mistral/*"])),
                ("tags", json!(["a", "b"])),
                ("expires_at", json!("2090-01-01T00:00:00Z")),
                ("requests_per_minute", json!(10)),
                ("tokens_per_minute", json!(10)),
                ("concurrency", json!(10)),
            ],
        ),
        key(seed, side, makers.revoked, &[("revoked_at", json!("2026-01-01T00:00:00Z"))]),
        key(seed, side, makers.member, &[("role", json!("member"))]),
        tenant(seed, &empty),
        tenant(seed, &peopled),
        tenant(seed, &keyed),
        key(seed, &keyed, keyed.key, &[("granted_by_key", Value::Null)]),
        seed.table("members")
            .insert(&seed.table("members").sample(&Side { guest: side.guest, ..peopled }, peopled.key)?),
    ];
    let sql = format!("set session_replication_role = replica; {}; reset session_replication_role", rows.join(";"));
    superuser.batch_execute(&sql).await.map_err(|error| format!("{error:?}"))?;
    let attempts = [
        made(seed, side, &makers),
        made_by_people(seed, side),
        changed(side, &makers),
        first(seed, [&empty, &peopled, &keyed]),
    ];
    Ok(attempts.into_iter().flatten().collect())
}

fn key(seed: &Seed, side: &Side, id: Uuid, changes: &[(&str, Value)]) -> String {
    let table = seed.table("api_keys");
    table.insert(&with(table.sample(side, id).expect("a sample"), changes))
}

fn tenant(seed: &Seed, side: &Side) -> String {
    let table = seed.table("tenants");
    table.insert(&table.sample(side, side.tenant).expect("a sample"))
}

fn named(side: &Side, sql: &str) -> String {
    format!("select app.set_tenant('{}'); {sql}", side.tenant)
}

/// Keys that a key makes.
fn made(seed: &Seed, side: &Side, makers: &Makers) -> Vec<Attempt> {
    let within: &[(&'static str, Value)] = &[
        ("granted_by_key", json!(makers.limited)),
        ("models", json!(["openai/gpt-4o-mini", "mistral/small"])),
        ("tags", json!(["b", "c", "a"])),
        ("expires_at", json!("2089-01-01T00:00:00Z")),
        ("requests_per_minute", json!(10)),
        ("tokens_per_minute", json!(10)),
        ("concurrency", json!(9)),
    ];
    let limited = |changes: &[(&'static str, Value)]| [within, changes].concat();
    let by = |id: Uuid, role: &str| vec![("granted_by_key", json!(id)), ("role", json!(role))];
    #[rustfmt::skip]
    let table = [
        (by(side.key, "admin"),                                          FINE,        "as much as its maker"),
        (by(side.key, "viewer"),                                         FINE,        "less than its maker"),
        (by(side.key, "owner"),                                          MORE_RIGHTS, "an admin makes an owner"),
        (by(makers.member, "admin"),                                     MORE_RIGHTS, "a member makes an admin"),
        (by(makers.revoked, "viewer"),                                   NO_MAKER,    "a revoked key makes one"),
        (by(seed.sides[1].key, "viewer"),                                NO_MAKER,    "another tenant's key makes one"),
        (by(Uuid::now_v7(), "viewer"),                                   NO_MAKER,    "nobody's key makes one"),
        (vec![("granted_by_key", Value::Null)],                          NO_MAKER,    "it made itself"),
        (limited(&[]),                                                   FINE,        "within every bound"),
        (limited(&[("models", Value::Null)]),                            MORE_MODELS, "every model"),
        (limited(&[("models", json!(["cohere/x"]))]),                    MORE_MODELS, "a model of nobody's"),
        (limited(&[("models", json!(["openai/*"]))]),                    MORE_MODELS, "a star over one model"),
        (limited(&[("tags", json!([]))]),                                OTHER_TAGS,  "no tags"),
        (limited(&[("tags", json!(["a", "c"]))]),                        OTHER_TAGS,  "one tag less"),
        (limited(&[("expires_at", Value::Null)]),                        LONGER,      "for ever"),
        (limited(&[("expires_at", json!("2091-01-01T00:00:00Z"))]),      LONGER,      "longer"),
        (limited(&[("requests_per_minute", json!(11))]),                 WIDER,       "more requests"),
        (limited(&[("requests_per_minute", Value::Null)]),               WIDER,       "any number of requests"),
        (limited(&[("tokens_per_minute", json!(11))]),                   WIDER,       "more tokens"),
        (limited(&[("tokens_per_minute", Value::Null)]),                 WIDER,       "any number of tokens"),
        (limited(&[("concurrency", json!(11))]),                         WIDER,       "more at once"),
        (limited(&[("concurrency", Value::Null)]),                       WIDER,       "any number at once"),
    ];
    let attempt = |(changes, says, why): (Vec<(&str, Value)>, _, _)| {
        let sql = named(side, &key(seed, side, Uuid::now_v7(), &changes));
        Attempt { sql, says, why }
    };
    table.into_iter().map(attempt).collect()
}

/// Somebody whom an identity provider vouches for, who has no account.
fn vouched() -> Uuid {
    *PersonId::of_subject("https://issuer.example", "somebody").as_uuid()
}

/// Keys that a person makes: the side's person is a member.
fn made_by_people(seed: &Seed, side: &Side) -> Vec<Attempt> {
    #[rustfmt::skip]
    let table = [
        (side.person,    "owner", "member", FINE,        "a member makes a member"),
        (side.person,    "owner", "admin",  MORE_RIGHTS, "a member says that they are an owner"),
        (vouched(),      "admin", "admin",  FINE,        "somebody whom an identity provider calls an admin"),
        (vouched(),      "admin", "owner",  MORE_RIGHTS, "more than the identity provider says"),
        (Uuid::now_v7(), "owner", "viewer", NO_MAKER,    "somebody with an account who is no member any more"),
    ];
    let attempt = |(person, claims, role, says, why): (Uuid, &str, &str, _, _)| {
        let changes = [
            ("granted_by_key", Value::Null),
            ("granted_by_person", json!(person)),
            ("granted_by_role", json!(claims)),
            ("role", json!(role)),
        ];
        Attempt { sql: named(side, &key(seed, side, Uuid::now_v7(), &changes)), says, why }
    };
    table.into_iter().map(attempt).collect()
}

/// Keys that are changed after they were made: each right by itself.
fn changed(side: &Side, makers: &Makers) -> Vec<Attempt> {
    let (member, limited, own) = (makers.member, makers.limited, side.key);
    // Made by the limited key and within its bounds, in the same transaction.
    let within = format!(
        "update api_keys set granted_by_key = '{limited}', models = '{{mistral/x}}', tags = '{{a,b}}', expires_at = '2089-01-01', requests_per_minute = 1, \
         tokens_per_minute = 1, concurrency = 1 where id = '{member}'; update api_keys set"
    );
    // Fails unless it is so, and looks past the grants.
    let one = |column: &str| format!("reset role; select 1 / count(*) from api_keys where id = '{own}' and {column}");
    let old = format!("\\x{}", own.simple().to_string().repeat(2));
    #[rustfmt::skip]
    let table = [
        (format!("update api_keys set name = 'x' where id = '{member}'"),                        FINE,        "its name"),
        (format!("update api_keys set role = 'viewer' where id = '{member}'"),                   FINE,        "less"),
        (format!("update api_keys set role = 'owner' where id = '{member}'"),                    MORE_RIGHTS, "its role"),
        (format!("{within} models = null where id = '{member}'"),                                MORE_MODELS, "its models"),
        (format!("{within} tags = '{{a}}' where id = '{member}'"),                                OTHER_TAGS,  "its tags"),
        (format!("{within} expires_at = null where id = '{member}'"),                            LONGER,      "its end"),
        (format!("{within} requests_per_minute = null where id = '{member}'"),                   WIDER,       "its requests"),
        (format!("{within} tokens_per_minute = null where id = '{member}'"),                     WIDER,       "its tokens"),
        (format!("{within} concurrency = null where id = '{member}'"),                           WIDER,       "its concurrency"),
        (format!("update api_keys set granted_by_key = '{member}' where id = '{own}'"),          MORE_RIGHTS, "its maker"),
        (format!("update api_keys set granted_by_key = null where id = '{member}'"),             NO_MAKER,    "no maker"),
        (format!("update api_keys set granted_by_key = null, granted_by_person = '{}', granted_by_role = 'admin' where id = '{own}';
                  update api_keys set granted_by_person = '{}' where id = '{own}'", vouched(), side.person),
                                                                                                 MORE_RIGHTS, "the person who made it"),
        (format!("update api_keys set granted_by_key = null, granted_by_person = '{}', granted_by_role = 'admin' where id = '{own}';
                  update api_keys set granted_by_role = 'viewer' where id = '{own}'", vouched()),
                                                                                                 MORE_RIGHTS, "what its maker was called"),
        (format!("update api_keys set previous_hash = hash where id = '{own}'"),                 DENIED,      "nobody writes the secret before"),
        (format!("update api_keys set hash = sha256('x') where id = '{own}'"),                   NO_MAKER,    "a new secret that nobody asked for"),
        (format!("update api_keys set tenant_id = '{}' where id = '{own}'", Uuid::now_v7()),     DENIED,      "nobody moves a key"),
        (format!("select hash from api_keys where id = '{own}'"),                                DENIED,      "nobody reads a hash"),
        (format!("update api_keys set granted_by_key = '{own}', hash = sha256('x'), previous_until = '2090-01-01' where id = '{own}'; {} = '{old}'", one("previous_hash")),
                                                                                                 FINE,        "a new secret, and the old one works on"),
        (format!("update api_keys set granted_by_key = '{own}', hash = sha256('x'), previous_until = null where id = '{own}'; {} is null", one("previous_hash")),
                                                                                                 FINE,        "a new secret, and the old one is gone"),
        (format!("update api_keys set granted_by_key = '{own}', hash = sha256('x'), previous_until = '2090-01-01' where id = '{own}';
                  update api_keys set previous_until = null where id = '{own}'; {} is null", one("previous_hash")),
                                                                                                 FINE,        "the old one ends"),
    ];
    table.into_iter().map(|(sql, says, why)| Attempt { sql: named(side, &sql), says, why }).collect()
}

const DENIED: &str = "permission denied for table api_keys";

/// The first key of a tenant, which an operator founds.
fn first(seed: &Seed, [empty, peopled, keyed]: [&Side; 3]) -> Vec<Attempt> {
    let alone: &[(&str, Value)] = &[("granted_by_key", Value::Null), ("role", json!("owner"))];
    let attempt =
        |side: &Side, says, why| Attempt { sql: named(side, &key(seed, side, Uuid::now_v7(), alone)), says, why };
    vec![
        attempt(empty, FINE, "the first key of a new tenant"),
        attempt(peopled, NO_MAKER, "a tenant with members has somebody who makes keys"),
        attempt(keyed, NO_MAKER, "so has one with a key"),
    ]
}

/// Makes all attempts, inside the transaction that the client is in.
///
/// # Errors
/// The first that the database answers otherwise.
pub async fn check(superuser: &Client, attempts: &[Attempt]) -> Result<usize, String> {
    superuser.batch_execute("savepoint attempt").await.map_err(|error| error.to_string())?;
    for Attempt { sql, says, why } in attempts {
        let outcome = superuser.batch_execute(&format!("set local role {OFFICE}; {sql}")).await;
        let said = outcome.err().map_or_else(String::new, |error| {
            error.as_db_error().map_or_else(|| error.to_string(), |error| error.message().to_owned())
        });
        superuser.batch_execute("rollback to savepoint attempt").await.map_err(|error| error.to_string())?;
        if said != *says {
            return Err(format!("{why}: `{said}` in place of `{says}`: {sql}"));
        }
    }
    superuser.batch_execute("release savepoint attempt").await.map_err(|error| error.to_string())?;
    Ok(attempts.len())
}

/// Each condition of the check, taken out of it; each column that wakes it; each trigger.
///
/// # Panics
/// If a condition is not written as here any more.
pub async fn mutants(superuser: &Client) -> Vec<String> {
    let text = async |sql: &str| -> String { superuser.query_one(sql, &[]).await.expect("the catalogue").get(0) };
    let body = text("select pg_get_functiondef('app.check_key_rights()'::regprocedure)").await;
    #[rustfmt::skip]
    let conditions = [
        (" and k.revoked_at is null",                                                        ""),
        ("app.role_rank(new.role) > app.role_rank(maker_role)",                              "false"),
        ("new.models is null or exists",                                                     "exists"),
        ("name <> all (maker_models) and split_part(name, '/', 1) || '/*' <> all (maker_models)", "false"),
        ("name <> all (maker_models) and ",                                                  ""),
        (" and split_part(name, '/', 1) || '/*' <> all (maker_models)",                      ""),
        ("new.expires_at is null or new.expires_at > maker_expires",                         "new.expires_at > maker_expires"),
        ("new.expires_at is null or new.expires_at > maker_expires",                         "new.expires_at is null"),
        ("coalesce(new.requests_per_minute, 2147483647) > maker_requests",                   "new.requests_per_minute > maker_requests"),
        ("coalesce(new.requests_per_minute, 2147483647) > maker_requests",                   "false"),
        ("coalesce(new.tokens_per_minute, 9223372036854775807) > maker_tokens",              "new.tokens_per_minute > maker_tokens"),
        ("coalesce(new.tokens_per_minute, 9223372036854775807) > maker_tokens",              "false"),
        ("coalesce(new.concurrency, 2147483647) > maker_concurrency",                        "new.concurrency > maker_concurrency"),
        ("coalesce(new.concurrency, 2147483647) > maker_concurrency",                        "false"),
        ("if app.role_rank(maker_role) is null then",                                         "if false then"),
        ("current_user <> 'supergate_office'",                                               "true"),
        ("not exists (select from public.api_keys k where k.tenant_id = new.tenant_id)",     "true"),
        ("not exists (select from public.members m where m.tenant_id = new.tenant_id)",      "true"),
        (" and substr(new.granted_by_person::text, 15, 1) = '5'",                            ""),
        ("maker_role := new.granted_by_role",                                                "maker_role := null"),
        ("not (maker_tags <@ new.tags)",                                                     "false"),
        ("not (maker_tags <@ new.tags)",                                                     "not (maker_tags && new.tags)"),
    ];
    let mut mutants: Vec<String> = conditions
        .iter()
        .map(|(condition, instead)| {
            assert!(
                body.contains(condition),
                "the check of a key's rights is not written like this any more: {condition}"
            );
            body.replace(condition, instead)
        })
        .collect();
    let trigger = text("select pg_get_triggerdef(oid) from pg_trigger where tgname = 'key_rights'").await;
    let columns = trigger.split("UPDATE OF ").nth(1).and_then(|rest| rest.split(" ON ").next()).expect("columns");
    for column in columns.split(", ") {
        let fewer: Vec<&str> = columns.split(", ").filter(|one| one != &column).collect();
        mutants.push(format!("drop trigger key_rights on api_keys; {}", trigger.replace(columns, &fewer.join(", "))));
    }
    mutants.push(format!(
        "drop trigger key_rights on api_keys; {}",
        trigger.replace("BEFORE INSERT OR UPDATE", "BEFORE UPDATE")
    ));
    for name in ["key_rights", "previous_secret"] {
        mutants.push(format!("drop trigger {name} on api_keys"));
        mutants.push(format!("alter table api_keys disable trigger {name}"));
    }
    mutants
}
