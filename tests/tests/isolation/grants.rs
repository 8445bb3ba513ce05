//! Who is granted what, as docs/privileges.md says it.

use super::matrix::SIGN_IN;
use supergate_tests::page;
use tokio_postgres::Client;

/// Columns that hold something secret, and who may read it.
#[rustfmt::skip]
pub const SECRETS: &[(&str, &str, &[&str], &str)] = &[
    ("api_keys",             "hash",          &["supergate_auth"],                      "only the look-up compares it"),
    ("api_keys",             "previous_hash", &["supergate_auth"],                      "only the look-up compares it"),
    ("invitations",          "hash",          &["supergate_auth"],                      "only the look-up compares it"),
    ("refresh_tokens",       "hash",          &["supergate_auth"],                      "only the look-up compares it"),
    ("people",               "password_hash", &["supergate_auth", "supergate_people"],  "at sign-in, and where people change their own"),
    ("tenants",              "answers_salt",  &["supergate_auth"],                      "the look-ups give it to who serves"),
    ("cache_keys",           "wrapped_key",   &["supergate_app"],                       "who serves opens what it gives"),
    ("cache_entries",        "nonce",         &["supergate_app"],                       "who serves opens what it gives"),
    ("cache_entries",        "ciphertext",    &["supergate_app"],                       "who administers sees that there is something, not what"),
    ("cache_vectors",        "embedding",     &["supergate_app"],                       "what was asked can be guessed from it"),
    ("provider_credentials", "wrapped_key",   &["supergate_app", "supergate_rotation"], "who serves opens it, who rotates wraps it anew"),
    ("provider_credentials", "nonce",         &["supergate_app", "supergate_rotation"], "who serves opens it, who rotates seals it anew"),
    ("provider_credentials", "ciphertext",    &["supergate_app", "supergate_rotation"], "who serves opens it, who rotates seals it anew"),
];

/// Grants on tables and columns. A verb on all columns has a `*`.
const TABLES: &str = "
    with granted as (
        select c.relname::text as on_table, acl.grantee::regrole::text as role, lower(acl.privilege_type) as verb, '*'::text as columns, 0 as place
        from pg_class c cross join lateral aclexplode(c.relacl) acl
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and acl.grantee <> c.relowner
        union all
        select c.relname::text, acl.grantee::regrole::text, lower(acl.privilege_type), a.attname::text, a.attnum
        from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
        cross join lateral aclexplode(a.attacl) acl
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
    )
    select format('| `%s` | %s | %s | %s |', role, on_table, verb, string_agg(columns, ', ' order by place))
    from granted group by role, on_table, verb
    order by role, on_table, array_position(array['select', 'insert', 'update', 'delete'], verb), verb";

const FUNCTIONS: &str = "
    select format('| `%s` | `%s` |', acl.grantee::regrole, string_agg(p.oid::regprocedure::text, '`, `' order by p.oid::regprocedure::text))
    from pg_proc p cross join lateral aclexplode(p.proacl) acl
    where p.pronamespace = 'app'::regnamespace and acl.grantee <> p.proowner
    group by acl.grantee order by acl.grantee::regrole::text";

const POLICIES: &str = "
    select format('| %s | %s | %s | %s |', p.polrelid::regclass, p.polname,
                  case p.polcmd when '*' then 'all' when 'r' then 'select' else p.polcmd::text end,
                  (select string_agg('`' || role::regrole || '`', ', ' order by role::regrole::text) from unnest(p.polroles) as role))
    from pg_policy p join pg_class c on c.oid = p.polrelid where not c.relispartition order by p.polrelid::regclass::text, p.polname";

const SCHEMAS: &str = "
    select format('| `%s` | %s | %s |', coalesce(nullif(acl.grantee, 0)::regrole::text, 'everyone'), n.nspname,
                  string_agg(lower(acl.privilege_type), ', ' order by acl.privilege_type))
    from pg_namespace n cross join lateral aclexplode(n.nspacl) acl
    where n.nspname in ('app', 'public') and acl.grantee <> n.nspowner group by acl.grantee, n.nspname, n.nspacl
    order by n.nspname, 1";

/// The sections of the page that the catalogue writes.
#[rustfmt::skip]
pub const SECTIONS: &[(&str, &str, &str)] = &[
    ("grants",    "| role | table | may | columns |\n|---|---|---|---|",    TABLES),
    ("functions", "| role | may execute |\n|---|---|",                      FUNCTIONS),
    ("policies",  "| table | policy | verbs | roles |\n|---|---|---|---|",  POLICIES),
    ("schemas",   "| role | schema | may |\n|---|---|---|",                 SCHEMAS),
];

/// The lines of a section, as the catalogue has them.
pub async fn section(superuser: &Client, head: &str, query: &str) -> String {
    let rows = superuser.query(query, &[]).await.unwrap_or_else(|error| panic!("{query}: {error:?}"));
    let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    format!("{head}\n{}\n", lines.join("\n"))
}

/// That the page says what the catalogue has.
///
/// # Errors
/// The first section that differs.
pub async fn check(superuser: &Client) -> Result<(), String> {
    for (name, head, query) in SECTIONS {
        page::compare("docs/privileges.md", name, &section(superuser, head, query).await)?;
    }
    Ok(())
}

/// Each grant taken away, each secret given away.
pub async fn mutants(superuser: &Client) -> Vec<String> {
    let each = "
        select format('revoke %s on %I from %s', acl.privilege_type, c.relname, acl.grantee::regrole)
        from pg_class c cross join lateral aclexplode(c.relacl) acl
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and acl.grantee <> c.relowner
        union all
        select format('revoke %s (%I) on %I from %s', acl.privilege_type, a.attname, c.relname, acl.grantee::regrole)
        from pg_class c join pg_attribute a on a.attrelid = c.oid and not a.attisdropped cross join lateral aclexplode(a.attacl) acl
        where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
        union all
        select format('revoke execute on function %s from %s', p.oid::regprocedure, acl.grantee::regrole)
        from pg_proc p cross join lateral aclexplode(p.proacl) acl
        where p.pronamespace = 'app'::regnamespace and acl.grantee <> p.proowner
        union all
        select format('revoke usage on schema app from %s', acl.grantee::regrole)
        from pg_namespace n cross join lateral aclexplode(n.nspacl) acl where n.nspname = 'app' and acl.grantee <> n.nspowner
        order by 1";
    let rows = superuser.query(each, &[]).await.expect("the catalogue");
    let mut mutants: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    for (table, column, readers, _) in SECRETS {
        let others = SIGN_IN.iter().filter(|role| !readers.contains(role));
        mutants.extend(others.map(|role| format!("grant select ({column}) on {table} to {role}")));
    }
    mutants
}
