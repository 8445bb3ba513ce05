-- The time of a look-up told which keys there are: an id of none gave no row, which is less to find, to send and to read. And what is kept for
-- idempotency keys outlived its tenant for a day: nothing that was destroyed with the tenant was needed to open it.
set role supergate_owner;

-- Half of what opens the answers that are kept for a tenant's idempotency keys; the other half is the pepper. Overwritten when the tenant's
-- data keys are.
alter table tenants add column answers_salt uuid not null default gen_random_uuid();
revoke select on tenants from supergate_office;
grant select (id, name, status, tier, allowed_models, allowed_providers, cache_prompts, created_at, updated_at), update (answers_salt) on tenants
    to supergate_office;
grant select (answers_salt) on tenants to supergate_auth;

reset role;
grant create on schema app to supergate_auth;
set role supergate_auth;

-- As in 0007, and for an id of no key a row too, found in the same steps: a revoked key of the platform's with a hash that no key has,
-- under a pepper that there cannot be. What the caller checks fails on every one of these.
create or replace function app.find_api_key(key_id uuid)
    returns table (
        tenant_id uuid, role text, hash bytea, pepper_version smallint, previous_hash bytea, previous_pepper_version smallint,
        previous_until timestamptz, expires_at timestamptz, revoked boolean, models text[], tags text[], requests_per_minute integer,
        tokens_per_minute bigint, concurrency integer,
        status text, tier text, allowed_models text[], allowed_providers text[], cache_prompts boolean, credentials jsonb,
        member_id uuid, bounds jsonb)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select whose.tenant, coalesce(k.role, 'viewer'), coalesce(k.hash, decode(repeat('00', 32), 'hex')), coalesce(k.pepper_version, (-32768)::smallint),
        k.previous_hash, k.previous_pepper_version, k.previous_until, k.expires_at, k.id is null or k.revoked_at is not null, k.models,
        coalesce(k.tags, '{}'), k.requests_per_minute, k.tokens_per_minute, k.concurrency,
        s.status, s.tier, s.allowed_models, s.allowed_providers, s.cache_prompts, s.credentials,
        whose.member, app.bounds(whose.tenant, k.id, whose.member)
    from (select find_api_key.key_id as wanted) asked
        left join public.api_keys k on k.id = asked.wanted
        cross join lateral (
            select coalesce(k.tenant_id, app.platform_tenant()), coalesce(k.member_id, k.granted_by_person)
        ) whose(tenant, member)
        cross join lateral app.standing(whose.tenant) s
$$;

-- The rest of it is as it was.
do $$
declare
    before text := pg_catalog.pg_get_functiondef('app.bounds(uuid, uuid, uuid)'::regprocedure);
    after text := pg_catalog.replace(before, '''limits'', (', '''answers'', (select t.answers_salt from public.tenants t where t.id = tenant),
        ''limits'', (');
begin
    if after = before then
        raise exception 'app.bounds is not what it was';
    end if;
    execute after;
end
$$;

reset role;
revoke create on schema app from supergate_auth;
