-- Prices of the deployment's and the tenants' own: in the place of the lists that are compiled in, or for models that no list has. A row
-- never changes: another price is another row that begins later. The platform's rows hold for everybody whom its keys serve.

set role supergate_owner;

create table prices (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    provider text not null check (provider ~ '^[a-z0-9-]{1,40}$'),
    model text not null check (length(model) between 1 and 200),
    -- For a model that no list has: the listed one that it is like in everything but its price.
    based_on text check (length(based_on) between 1 and 200),
    -- Set by the operators for this tenant, whose word it cannot change.
    by_operator boolean not null default false,
    starts_at timestamptz not null,
    -- Pico-dollars a token. All null: from then on the list's prices, or none.
    input_picos bigint check (input_picos >= 0),
    output_picos bigint check (output_picos >= 0),
    cached_input_picos bigint check (cached_input_picos >= 0),
    cache_write_picos bigint check (cache_write_picos >= 0),
    cache_write_1h_picos bigint check (cache_write_1h_picos >= 0),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id),
    unique (tenant_id, provider, model, by_operator, starts_at),
    check ((input_picos is null) = (output_picos is null)),
    check (input_picos is not null or num_nonnulls(cached_input_picos, cache_write_picos, cache_write_1h_picos) = 0)
);

alter table prices enable row level security;
alter table prices force row level security;
create policy tenant_isolation on prices to supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
create policy look_up on prices for select to supergate_auth using (true);
grant select, insert, delete on prices to supergate_office;
grant select (tenant_id, id, provider, model, based_on, by_operator, starts_at, input_picos, output_picos, cached_input_picos,
              cache_write_picos, cache_write_1h_picos)
    on prices to supergate_auth;
create trigger row_cap before insert on prices for each row execute function app.check_row_cap('500');

-- Which models answered, to find those that have no price.
create policy look_up on usage_events for select to supergate_auth using (true);
grant select (request_id, provider, model_served) on usage_events to supergate_auth;
-- And what was spent in which hour, to find what is not as usual.
create policy look_up on usage_hours for select to supergate_auth using (true);
grant select (tenant_id, hour, kind, cost_nanos) on usage_hours to supergate_auth;

-- As in 0009, with the table of this file.
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
        delete from public.usage_events_new where tenant_id = app.tenant_id();
        delete from public.usage_hours where tenant_id = app.tenant_id();
        delete from public.prices where tenant_id = app.tenant_id();
        delete from public.limits where tenant_id = app.tenant_id();
        delete from public.budgets where tenant_id = app.tenant_id();
        delete from public.provider_credentials where tenant_id = app.tenant_id();
        delete from public.invitations where tenant_id = app.tenant_id();
        delete from public.members where tenant_id = app.tenant_id();
        delete from public.api_keys where tenant_id = app.tenant_id();
        delete from public.tenants where id = app.tenant_id();
    end if;
    return remaining;
end
$$;

reset role;
grant create on schema app to supergate_auth;
set role supergate_auth;

-- As in 0007, with the prices: those that hold now, and those that will within the hour, for as long as a caller may be remembered.
create or replace function app.bounds(tenant uuid, key uuid, member uuid) returns jsonb
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
        ),
        'prices', (
            select coalesce(jsonb_agg(jsonb_build_object('id', p.id, 'platform', p.tenant_id = app.platform_tenant(), 'provider', p.provider,
                'model', p.model, 'based_on', p.based_on, 'by_operator', p.by_operator,
                'starts_at', (extract(epoch from p.starts_at) * 1000000)::bigint, 'input', p.input_picos, 'output', p.output_picos,
                'cached_input', p.cached_input_picos, 'cache_write', p.cache_write_picos, 'cache_write_1h', p.cache_write_1h_picos)
                order by p.id), '[]')
            from public.prices p
            where p.tenant_id in (tenant, app.platform_tenant()) and p.starts_at < now() + interval '1 hour'
                and not exists (
                    select from public.prices later
                    where (later.tenant_id, later.provider, later.model, later.by_operator) = (p.tenant_id, p.provider, p.model, p.by_operator)
                        and later.starts_at > p.starts_at and later.starts_at <= now()
                )
        )
    )
$$;

-- By what names models answered since a request, how often, whoever's requests those were.
create function app.find_models_served(since uuid)
    returns table (provider text, model text, requests bigint)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select e.provider, e.model_served, count(*) from public.usage_events e
    where e.request_id >= since and e.model_served is not null group by e.provider, e.model_served
$$;

-- Tenants that spent more in one of the hours since a moment than so many times the dearest hour of the seven days before it, and at
-- least so much.
create function app.find_unusual_spending(since timestamptz, times bigint, lowest bigint)
    returns table (tenant_id uuid, hour timestamptz, spent bigint, usual bigint)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    with hours as (
        select h.tenant_id, h.hour, sum(h.cost_nanos)::bigint as cost from public.usage_hours h
        where h.kind = 'all' and h.hour >= since - interval '7 days' group by h.tenant_id, h.hour
    ), compared as (
        select o.tenant_id, o.hour, o.cost, coalesce((
            select max(b.cost) from hours b
            where b.tenant_id = o.tenant_id and b.hour < o.hour and b.hour >= o.hour - interval '7 days'
        ), 0) as usual
        from hours o where o.hour >= since and o.cost >= lowest
    )
    select c.tenant_id, c.hour, c.cost, c.usual from compared c where c.cost > c.usual * times
$$;

revoke all on function app.find_models_served(uuid), app.find_unusual_spending(timestamptz, bigint, bigint) from public;
grant execute on function app.find_unusual_spending(timestamptz, bigint, bigint) to supergate_sweeper;
grant execute on function app.find_models_served(uuid) to supergate_office;

reset role;
revoke create on schema app from supergate_auth;
