//! What tests of usage have in common: a ledger of made-up rows, the roll-up, and the sums of the rows as plain SQL has them.

use crate::{app::App, postgres::TestDatabase};
use serde_json::{Value, json};
use std::time::Duration;
use supergate::{
    config::{DatabaseAuth, DatabaseConfig},
    db::{Database, usage_hours},
    tenancy::TenantId,
};

/// Rows that look as if they had been written in the `days` before `until`: five models of four providers, the tenant's keys and none, three
/// people, tags and end users or none, second attempts, failures, hits of the cache. The same arguments make the same rows, but for `salt`,
/// which makes others. `$1` tenant, `$2` rows, `$3` days, `$4` until, `$5` salt.
const MAKE: &str = r"
    insert into usage_events (
        tenant_id, request_id, attempt, created_at, key_id, person_id, member_id, provider, model_requested, model, streamed, status, ended,
        input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens, usage_source, cost_nanos, latency_ms, tags,
        end_user, cache, saved_nanos)
    select $1, id, attempt, at, key_id, case when key_id is null then person end, person, split_part(model, '/', 1), model,
        split_part(model, '/', 2), dice(3) = 0, case when dice(4) < 25 then 500 else 200 end,
        case when dice(4) < 25 then 'failed' else 'complete' end, dice(5), dice(6), nullif(dice(7), 0), nullif(dice(8) / 2, 7), dice(9) / 3,
        'provider', dice(10) * 1000003::bigint + dice(11), dice(12),
        (array['{}', '{a}', '{a,b}', '{b,=c}', '{a,a}'])[1 + dice(13) % 5]::text[],
        (array[null, 'ada', 'eve', '=1+1'])[1 + dice(14) % 4], (array[null, 'hit', 'semantic_hit', 'miss'])[1 + dice(15) % 4], dice(16) * 7
    from (
        select n, $5::text || '.' || n as seed,
            $4::timestamptz - ($3::double precision * (('x' || left(md5($5 || n || 'at'), 8))::bit(32)::bigint / 4294967296.0)) * interval '1 day' as at
        from generate_series(1, $2::integer) n
    ) made
    cross join lateral (
        select overlay(overlay((app.first_request_id(at)::text) placing '7' || substr(md5(seed), 1, 3) from 15)
                       placing '8' || substr(md5(seed), 4, 3) || '-' || substr(md5(seed), 7, 12) from 20)::uuid as id
    ) ids
    cross join lateral (
        select (array['openai/gpt-4o-mini', 'openai/gpt-4o', 'anthropic/claude-haiku-4-5', 'google/gemini-2.5-flash', 'mistral/gpt-4o-mini'])
                   [1 + ('x' || left(md5(seed || 'model'), 4))::bit(16)::integer % 5] as model,
               (select k.id from (select k.id, row_number() over (order by k.id) as i, count(*) over () as of from api_keys k where k.tenant_id = $1) k
                where i = 1 + ('x' || left(md5(seed || 'key'), 4))::bit(16)::integer % (of + 1)) as key_id,
               (array['00000000-0000-7000-8000-00000000000a', '00000000-0000-7000-8000-00000000000b', '00000000-0000-7000-8000-00000000000c'])
                   [1 + ('x' || left(md5(seed || 'person'), 4))::bit(16)::integer % 3]::uuid as person
    ) who
    cross join lateral generate_series(1, 1 + (n % 7 = 0)::integer) attempt";

/// A made-up number from 0 to 255 for each row and column, the same every time.
const DICE: &str = "\
    create or replace function pg_temp.dice_of(seed text, nth integer) returns bigint language sql immutable
    as $$ select ('x' || left(md5(seed || nth), 2))::bit(8)::bigint $$";

/// What an endpoint should say of rows, from the rows alone.
const PLAIN: &str = "\
    select jsonb_build_object(
        'requests', count(*) filter (where attempt = 1), 'attempts', count(*),
        'errors', count(*) filter (where status >= 400 or ended <> 'complete'),
        'input_tokens', coalesce(sum(input_tokens), 0), 'output_tokens', coalesce(sum(output_tokens), 0),
        'cached_input_tokens', coalesce(sum(cached_input_tokens), 0), 'cache_write_tokens', coalesce(sum(cache_write_tokens), 0),
        'reasoning_tokens', coalesce(sum(reasoning_tokens), 0),
        'cache_hits', count(*) filter (where cache in ('hit', 'semantic_hit')),
        'cost_nanos', coalesce(sum(cost_nanos), 0), 'saved_nanos', coalesce(sum(saved_nanos), 0))
    from usage_events e where tenant_id = $1 and app.request_time(request_id) >= $2::timestamptz and app.request_time(request_id) < $3::timestamptz";

impl App {
    /// Puts rows into the tenant's ledger, as if they had been written in the days before a moment (SQL, as `now()`).
    ///
    /// # Panics
    /// If the database refuses them.
    pub async fn make_usage(&self, rows: i32, days: f64, until: &str, salt: &str) {
        self.unbilled("its rows are made up");
        make_usage(&self.database, self.tenant(), rows, days, until, salt).await;
    }

    /// The tenant, as the database has it.
    ///
    /// # Panics
    /// If its id is none.
    pub fn tenant(&self) -> TenantId {
        self.tenant_id.parse().expect("a tenant's id")
    }

    /// Adds new rows of every tenant to the sums, so many at a time and so often, as the sweeper does. How many it took.
    ///
    /// # Panics
    /// If the database refuses it.
    pub async fn roll_up(&self, most: i32, times: usize) -> i64 {
        let db = sweepers(&self.database);
        let mut taken = 0;
        for tenant in usage_hours::tenants_with_new(&db, None, 100).await.expect("tenants") {
            for _ in 0..times {
                taken += usage_hours::roll_up(&db, tenant, most).await.expect("a roll-up");
            }
        }
        taken
    }

    /// What the tenant's rows of a window add up to, by no way but the rows. Times as RFC 3339. `and` is a further condition on rows `e`.
    ///
    /// # Panics
    /// If the database refuses it.
    pub async fn plain_sums(&self, from: &str, to: &str, and: &str) -> Value {
        let sql = format!("{} {and}", PLAIN.replace("$2", &format!("'{from}'")).replace("$3", &format!("'{to}'")));
        let row = self.database.superuser().await.query_one(&sql, &[self.tenant().as_uuid()]).await;
        row.unwrap_or_else(|error| panic!("{sql}: {error:?}")).get(0)
    }
}

/// A pool that signs in as the sweeper.
///
/// # Panics
/// If its URL is none.
pub fn sweepers(database: &TestDatabase) -> Database {
    let config = DatabaseConfig {
        url: database.url("supergate_sweeper"),
        auth: DatabaseAuth::Url,
        connect_timeout: Duration::from_secs(5),
        ca_file: None,
    };
    Database::new(&config, 4).expect("a pool")
}

/// The same for any tenant of any database.
///
/// # Panics
/// If the database refuses them.
pub async fn make_usage(database: &TestDatabase, tenant: TenantId, rows: i32, days: f64, until: &str, salt: &str) {
    let superuser = database.superuser().await;
    superuser.batch_execute(DICE).await.expect("numbers");
    let mut sql = MAKE.replace("dice(", "pg_temp.dice_of(seed || attempt, ");
    for (place, value) in [
        ("$1", format!("'{}'", tenant.as_uuid())),
        ("$2", rows.to_string()),
        ("$3", days.to_string()),
        ("$4", until.to_owned()),
        ("$5", format!("'{salt}'")),
    ] {
        sql = sql.replace(place, &value);
    }
    superuser.batch_execute(&sql).await.unwrap_or_else(|error| panic!("{error:?}: {sql}"));
}

/// The sums of an answer, with money in nano-dollars as plain SQL has it.
///
/// # Panics
/// If a field is not there.
pub fn sums_of(answer: &Value) -> Value {
    let nanos =
        |name: &str| (answer[name].as_f64().unwrap_or_else(|| panic!("{name} in {answer}")) * 1e9).round() as i64;
    let mut sums = json!({"cost_nanos": nanos("cost_usd"), "saved_nanos": nanos("saved_usd")});
    for name in [
        "requests",
        "attempts",
        "errors",
        "input_tokens",
        "output_tokens",
        "cached_input_tokens",
        "cache_write_tokens",
        "reasoning_tokens",
        "cache_hits",
    ] {
        sums[name] = answer[name].clone();
    }
    sums
}
