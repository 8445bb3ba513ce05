-- What a tenant and its keys may ask for in a minute, and what they may spend in a period. Only the definitions: what is counted against
-- them is in DynamoDB. They come with the look-up of the caller, so a warm request asks the database nothing for them.

set role supergate_owner;

alter table api_keys
    -- Whose key it is: who made it, or whose key made it. Never changes, unlike who last gave it its rights. Keys of before have none; who
    -- last gave them theirs stands in then.
    add column member_id uuid;
grant select (member_id) on api_keys to supergate_office;
grant select (member_id, granted_by_person) on api_keys to supergate_auth;

-- Limits of the tenant and of one of its keys with one model. What bounds a key with all models is the key's own, in api_keys.
create table limits (
    tenant_id uuid not null references tenants (id),
    -- Null: the tenant as a whole.
    key_id uuid,
    -- As `provider/model`.
    model text check (length(model) between 3 and 300),
    -- Set by the operators of the deployment, whose word the tenant cannot change.
    by_operator boolean not null default false,
    requests_per_minute integer check (requests_per_minute > 0),
    tokens_per_minute bigint check (tokens_per_minute > 0),
    concurrency integer check (concurrency > 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique nulls not distinct (tenant_id, key_id, model, by_operator),
    foreign key (tenant_id, key_id) references api_keys (tenant_id, id),
    check ((key_id is null) = (model is null)),
    check (num_nonnulls(requests_per_minute, tokens_per_minute, concurrency) > 0)
);

create table budgets (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    -- At most one of the three; none: the tenant as a whole.
    key_id uuid,
    -- A person. No foreign key to members: whom an identity provider vouches for has no row there, and who leaves has spent what they spent.
    member_id uuid,
    tag text check (tag ~ '^[A-Za-z0-9_.:/-]{1,64}$'),
    limit_nanos bigint not null check (limit_nanos > 0),
    period text not null check (period in ('day', 'week', 'month', 'total')),
    -- Whether spending ends there, or is only told of.
    hard boolean not null,
    by_operator boolean not null default false,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique nulls not distinct (tenant_id, key_id, member_id, tag, period, hard, by_operator),
    foreign key (tenant_id, key_id) references api_keys (tenant_id, id),
    check (num_nonnulls(key_id, member_id, tag) <= 1)
);

alter table limits enable row level security;
alter table limits force row level security;
create policy tenant_isolation on limits to supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
create policy look_up on limits for select to supergate_auth using (true);

alter table budgets enable row level security;
alter table budgets force row level security;
create policy tenant_isolation on budgets to supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
create policy look_up on budgets for select to supergate_auth using (true);

grant select, insert, delete on limits, budgets to supergate_office;
grant update (requests_per_minute, tokens_per_minute, concurrency, updated_at) on limits to supergate_office;
grant update (limit_nanos, hard, updated_at) on budgets to supergate_office;
grant select (tenant_id, key_id, model, requests_per_minute, tokens_per_minute, concurrency) on limits to supergate_auth;
grant select (tenant_id, id, key_id, member_id, tag, limit_nanos, period, hard) on budgets to supergate_auth;

-- A tenant's rows all come with its caller and all stand in one item of DynamoDB, so there are so many of them and no more.
create function app.check_row_cap() returns trigger
    language plpgsql
    set search_path = ''
as $$
declare
    most constant bigint := tg_argv[0];
    stored bigint;
begin
    -- Of two that are stored at once, one waits here and counts the other afterwards.
    perform from public.tenants t where t.id = new.tenant_id for no key update;
    execute format('select count(*) from public.%I t where t.tenant_id = $1', tg_table_name) into stored using new.tenant_id;
    if stored >= most then
        raise exception 'a tenant has at most % rows of %', most, tg_table_name using errcode = 'insufficient_privilege', constraint = 'row_cap';
    end if;
    return new;
end
$$;
revoke all on function app.check_row_cap() from public;
create trigger row_cap before insert on limits for each row execute function app.check_row_cap('200');
create trigger row_cap before insert on budgets for each row execute function app.check_row_cap('100');

-- As in 0005, with the tables of this file.
create or replace function app.erase_tenant(most integer) returns bigint
    language plpgsql
    security definer
    set search_path = ''
as $$
declare
    remaining bigint;
begin
    if not exists (select from public.tenants t where t.id = app.tenant_id() and t.status = 'deleting') then
        raise exception 'the tenant is not being deleted' using errcode = 'insufficient_privilege';
    end if;
    delete from public.usage_events u using (
        select e.tenant_id, e.request_id, e.attempt from public.usage_events e where e.tenant_id = app.tenant_id() limit most
    ) doomed
    where (u.tenant_id, u.request_id, u.attempt) = (doomed.tenant_id, doomed.request_id, doomed.attempt);
    select count(*) into remaining from (
        select from public.usage_events e where e.tenant_id = app.tenant_id() limit most
    ) still;
    if remaining = 0 then
        delete from public.provider_credentials where tenant_id = app.tenant_id();
        delete from public.invitations where tenant_id = app.tenant_id();
        delete from public.limits where tenant_id = app.tenant_id();
        delete from public.budgets where tenant_id = app.tenant_id();
        delete from public.members where tenant_id = app.tenant_id();
        delete from public.api_keys where tenant_id = app.tenant_id();
        delete from public.tenants where id = app.tenant_id();
    end if;
    return remaining;
end
$$;

reset role;
drop function app.find_api_key(uuid);
drop function app.find_member(uuid, uuid, uuid);
drop function app.find_tenant(uuid);
grant create on schema app to supergate_auth;
set role supergate_auth;

-- What bounds a caller: the limits of its tenant and key, the budgets of those, of the member whose key it is, and of every tag. Not
-- callable by itself: it is part of the look-ups below.
create function app.bounds(tenant uuid, key uuid, member uuid) returns jsonb
    language sql
    stable
    set search_path = ''
as $$
    select jsonb_build_object(
        'limits', (
            select coalesce(jsonb_agg(jsonb_build_object('model', l.model, 'requests_per_minute', l.requests_per_minute,
                'tokens_per_minute', l.tokens_per_minute, 'concurrency', l.concurrency) order by l.model nulls first), '[]')
            from public.limits l where l.tenant_id = tenant and (l.key_id is null or l.key_id = key)
        ),
        'budgets', (
            select coalesce(jsonb_agg(jsonb_build_object('id', b.id, 'key_id', b.key_id, 'member_id', b.member_id, 'tag', b.tag,
                'limit_nanos', b.limit_nanos, 'period', b.period, 'hard', b.hard) order by b.id), '[]')
            from public.budgets b
            where b.tenant_id = tenant and (b.key_id is null or b.key_id = key) and (b.member_id is null or b.member_id = member)
        )
    )
$$;

-- As in 0006, with whose key it is and what bounds it.
create function app.find_api_key(key_id uuid)
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
    select k.tenant_id, k.role, k.hash, k.pepper_version, k.previous_hash, k.previous_pepper_version, k.previous_until, k.expires_at,
        k.revoked_at is not null, k.models, k.tags, k.requests_per_minute, k.tokens_per_minute, k.concurrency,
        s.status, s.tier, s.allowed_models, s.allowed_providers, s.cache_prompts, s.credentials,
        coalesce(k.member_id, k.granted_by_person), app.bounds(k.tenant_id, k.id, coalesce(k.member_id, k.granted_by_person))
    from public.api_keys k cross join lateral app.standing(k.tenant_id) s
    where k.id = find_api_key.key_id
$$;

-- The same for a person whose token was checked.
create function app.find_member(tenant uuid, person uuid, session uuid)
    returns table (
        role text, status text, tier text, allowed_models text[], allowed_providers text[], cache_prompts boolean, credentials jsonb,
        bounds jsonb)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select m.role, s.status, s.tier, s.allowed_models, s.allowed_providers, s.cache_prompts, s.credentials,
        app.bounds(tenant, null, person)
    from public.members m cross join lateral app.standing(m.tenant_id) s
    where m.tenant_id = tenant and m.person_id = person
        and exists (select from public.refresh_tokens r where r.person_id = person and r.family = session and r.used_at is null)
$$;

-- The same for whom an identity provider vouches for. Who does not say for whom it asks gets the bounds of nobody in particular.
create function app.find_tenant(tenant uuid, person uuid default null)
    returns table (
        status text, tier text, allowed_models text[], allowed_providers text[], cache_prompts boolean, credentials jsonb, bounds jsonb)
    language sql
    stable
    security definer
    set search_path = ''
as $$ select s.*, app.bounds(tenant, null, person) from app.standing(tenant) s $$;

revoke all on function app.bounds(uuid, uuid, uuid), app.find_api_key(uuid), app.find_member(uuid, uuid, uuid), app.find_tenant(uuid, uuid)
    from public;
grant execute on function app.find_api_key(uuid), app.find_member(uuid, uuid, uuid), app.find_tenant(uuid, uuid)
    to supergate_app, supergate_office, supergate_people;

reset role;
revoke create on schema app from supergate_auth;
