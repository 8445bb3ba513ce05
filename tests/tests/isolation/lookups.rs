//! The functions that run with their owner's rights: what they give, to whom, and how far they reach.

use super::{
    matrix::{APP, OFFICE, PEOPLE, ROLES, ROTATION, SWEEPER},
    seed::{Seed, Side, with},
};
use serde_json::json;
use tokio_postgres::{Client, SimpleQueryMessage};
use uuid::Uuid;

/// Tries every look-up and the end of a tenant, inside the transaction that the client is in. Returns how many statements were tried.
///
/// # Errors
/// The first that did not end as it must.
pub async fn check(superuser: &Client, seed: &Seed) -> Result<usize, String> {
    superuser.batch_execute("savepoint look_up").await.map_err(|error| error.to_string())?;
    let mut tried = 0;
    for side in &seed.sides {
        for (role, sql, rows, why) in cases(seed, side) {
            let found =
                count(superuser, role, &sql).await.map_err(|error| format!("{why}: {error} as {role}: {sql}"))?;
            if found != rows {
                return Err(format!("{why}: {found} rows in place of {rows} as {role}: {sql}"));
            }
            tried += 1;
        }
    }
    tried += expire(superuser, seed).await?;
    tried += erase(superuser, seed).await?;
    superuser.batch_execute("release savepoint look_up").await.map_err(|error| error.to_string())?;
    Ok(tried)
}

fn cases(seed: &Seed, side: &Side) -> Vec<(&'static str, String, usize, &'static str)> {
    let Side { tenant, key, person, .. } = side;
    let stranger = Uuid::now_v7();
    let id_in =
        |table: &str| format!("(select id from public.{table} where {} limit 1)", seed.table(table).rows_of(side));
    let email = &person.simple().to_string()[20..];
    let (token, invitation, session) = (key, key, key);
    let served = format!("tenant_id = '{tenant}' and credentials <> '{{}}' and status = 'active'");
    // A key's bounds are a limit with a model of its own and the budget of a tag, a person's only the latter.
    let bounded = "jsonb_array_length(bounds -> 'limits') = 1 and jsonb_array_length(bounds -> 'budgets') = 1 and jsonb_array_length(bounds -> 'prices') = 1 \
                   and bounds #>> '{cache,tenant,tier}' = 'exact' and (bounds #>> '{cache,serving}')::boolean";
    let budgeted = "jsonb_array_length(bounds -> 'limits') = 0 and jsonb_array_length(bounds -> 'budgets') = 1 \
                    and bounds #>> '{cache,tenant,tier}' = 'exact' and (bounds #>> '{cache,serving}')::boolean";
    let opens_nothing = "revoked and hash = decode(repeat('00', 32), 'hex') and pepper_version = -32768 and previous_hash is null \
                         and tenant_id = '00000000-0000-7000-8000-000000000000' and role = 'viewer' and member_id is null and tags = '{}'";
    let mut cases = Vec::new();
    for role in [APP, OFFICE, PEOPLE] {
        #[rustfmt::skip]
        cases.extend([
            (role, format!("app.find_api_key('{key}') where {served} and role = 'admin' and {bounded}"), 1, "a key by its id, before a tenant is known"),
            (role, format!("app.find_api_key('{key}')"),                       1, "one row"),
            (role, format!("app.find_api_key('{tenant}') where {opens_nothing}"), 1, "by nothing but its id"),
            (role, format!("app.find_api_key('{stranger}') where {opens_nothing}"), 1, "no such key, which is told in as many steps"),
            (role, format!("app.find_api_key(null) where {opens_nothing}"),    1, "no key"),
            (role, format!("app.find_member('{tenant}', '{person}', '{session}') where role = 'member' and credentials <> '{{}}' and {budgeted}"), 1, "a membership"),
            (role, format!("app.find_member('{tenant}', '{stranger}', '{session}')"), 0, "no member"),
            (role, format!("app.find_member('{stranger}', '{person}', '{session}')"), 0, "a member of another tenant"),
            (role, format!("app.find_member('{tenant}', '{person}', '{stranger}')"), 0, "a session that has ended"),
            (role, format!("app.find_tenant('{tenant}') where credentials <> '{{}}' and {budgeted}"), 1, "a tenant"),
            (role, format!("app.find_tenant('{stranger}')"),                   0, "no such tenant"),
        ]);
    }
    #[rustfmt::skip]
    cases.extend([
        (PEOPLE, format!("app.find_person('{email}@example.com') where id = '{person}'"),         1, "an account by its address"),
        (PEOPLE, "app.find_person('nobody@example.com')".to_owned(),                              0, "no such address"),
        (PEOPLE, format!("app.find_memberships('{person}') where tenant_id = '{tenant}'"),        1, "somebody's tenants"),
        (PEOPLE, format!("app.find_memberships('{stranger}')"),                                   0, "nobody's"),
        (PEOPLE, format!("app.find_refresh_token('{token}') where person_id = '{person}'"),       1, "whose session it is"),
        (PEOPLE, format!("app.find_refresh_token('{stranger}')"),                                 0, "nobody's session"),
        (PEOPLE, format!("app.find_invitation('{invitation}') where tenant_id = '{tenant}'"),     1, "to what an invitation asks"),
        (PEOPLE, format!("app.find_invitation('{stranger}')"),                                    0, "no invitation"),
        (OFFICE, format!("app.find_models_served('{}') where requests > 1", Uuid::nil()),         1, "what answered everybody"),
        (OFFICE, format!("app.find_models_served('{}')", Uuid::max()),                            0, "nothing answered since"),
        (ROTATION, format!("app.credentials_sealed_before('2100-01-01', '{}', 10)", Uuid::nil()), 2, "everybody's credentials"),
        (ROTATION, "app.find_unfinished_deletions('2100-01-01', 10)".to_owned(),                  0, "nobody is being deleted"),
        (ROTATION, format!("app.credentials_sealed_before('2000-01-01', '{}', 10)", Uuid::nil()), 0, "none is that old"),
        (SWEEPER, "app.find_unusual_spending('2025-12-31', 5, 1)".to_owned(),                     2, "everybody's hours"),
        (SWEEPER, "app.find_unusual_spending('2025-12-31', 5, 2)".to_owned(),                     0, "none cost that much"),
        (SWEEPER, format!("app.find_tenants_with_new_usage('{}', 10)", Uuid::nil()),              2, "whose rows are not in the sums"),
        (SWEEPER, format!("app.find_tenants_with_new_usage('{}', 1)", Uuid::nil()),               1, "so many of them and no more"),
        (SWEEPER, format!("app.find_tenants_with_new_usage('{}', 10)", Uuid::max()),              0, "nobody comes after the last"),
        (SWEEPER, "app.prepare_usage_partitions(12)".to_owned(),                                  1, "partitions are there, or made"),
        ("supergate_auth", format!("app.find_api_key({})", id_in("api_keys")),                    1, "the look-up's role sees what it looks up"),
    ]);
    cases
}

async fn count(superuser: &Client, role: &str, from: &str) -> Result<usize, String> {
    let sql = format!("rollback to savepoint look_up; set local role {role}; select from {from}");
    let messages = superuser.simple_query(&sql).await.map_err(|error| format!("{error:?}"))?;
    Ok(messages.iter().filter(|message| matches!(message, SimpleQueryMessage::Row(_))).count())
}

/// That what has expired is seen and ended by the sweeper, whosever it is, and by nobody else; and nothing that has not.
async fn expire(superuser: &Client, seed: &Seed) -> Result<usize, String> {
    let [own, other] = &seed.sides;
    let mut tried = 0;
    for name in ["refresh_tokens", "invitations", "cache_entries", "cache_errors"] {
        let table = seed.table(name);
        let past = json!("2020-01-01T00:00:00Z");
        let expired = with(table.sample(other, Uuid::now_v7())?, &[("expires_at", past.clone())]);
        let expired = if name == "cache_entries" { with(expired, &[("exact_until", past)]) } else { expired };
        let whose = format!("set local app.tenant_id = '{}'; set local app.person_id = '{}'", own.tenant, own.person);
        for role in ROLES {
            let begin =
                format!("rollback to savepoint look_up; {}; {whose}; set local role {role}", table.insert(&expired));
            // Without a condition, so that no other policy stands before the one that is tried.
            for sql in [format!("select from {name} where expires_at < now()"), format!("delete from {name}")] {
                let rows = match superuser.simple_query(&format!("{begin}; {sql}")).await {
                    Ok(messages) => match messages.last() {
                        Some(SimpleQueryMessage::CommandComplete(rows)) => *rows,
                        other => return Err(format!("{other:?} as {role}: {sql}")),
                    },
                    Err(_) if role != SWEEPER => 0,
                    Err(error) => return Err(format!("{error:?} as {role}: {sql}")),
                };
                let reached = match role {
                    SWEEPER => 1,
                    // The own row, which has not expired.
                    _ => u64::from(rows > 0 && sql.starts_with("delete")),
                };
                if rows != reached {
                    return Err(format!("{rows} rows in place of {reached} as {role}: {sql}"));
                }
                tried += 1;
            }
        }
    }
    superuser.batch_execute("rollback to savepoint look_up").await.map_err(|error| error.to_string())?;
    Ok(tried)
}

/// That the end of a tenant is the end of all its rows but the audit's, and of nobody else's.
async fn erase(superuser: &Client, seed: &Seed) -> Result<usize, String> {
    let [gone, stays] = &seed.sides;
    let name =
        format!("rollback to savepoint look_up; set local role {OFFICE}; select app.set_tenant('{}')", gone.tenant);
    let mut tried = 0;
    for role in [OFFICE, ROTATION] {
        let erase = format!("set local role {role}; select app.erase_tenant(1000)");
        let refused = superuser.batch_execute(&format!("{name}; {erase}")).await;
        if !refused.as_ref().is_err_and(|error| format!("{error:?}").contains("the tenant is not being deleted")) {
            return Err(format!("a tenant that is not being deleted is erased by {role}: {refused:?}"));
        }
        let begin = format!(
            "{name}; update tenants set status = 'deleting', updated_at = '2000-01-01'; set local role {ROTATION}"
        );
        // Fails unless it is found once, and not before its time.
        let found = format!(
            "select 1 / count(*) from app.find_unfinished_deletions('2000-01-02', 10) where tenant_id = '{}';
             select 1 / (1 - count(*)) from app.find_unfinished_deletions('2000-01-01', 10)",
            gone.tenant
        );
        let erase = format!("{begin}; {found}; {erase}; reset role");
        superuser
            .batch_execute(&erase)
            .await
            .map_err(|error| format!("a tenant is not erased by {role}: {error:?}"))?;
        tried += 4;
    }
    for table in &seed.tables {
        for (side, left) in [(gone, table.owner != "tenant_id" && table.name != "tenants"), (stays, true)] {
            let left = left || table.name == "audit_events";
            let sql = format!("select from public.{} where {}", table.name, table.rows_of(side));
            let rows = superuser.query(&sql, &[]).await.map_err(|error| format!("{error:?}"))?;
            if rows.is_empty() == left {
                return Err(format!(
                    "{} rows are left of the {} side: {sql}",
                    rows.len(),
                    if left { "other" } else { "erased" }
                ));
            }
            tried += 1;
        }
    }
    superuser.batch_execute("rollback to savepoint look_up").await.map_err(|error| error.to_string())?;
    Ok(tried)
}
