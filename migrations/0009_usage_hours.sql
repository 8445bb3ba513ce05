-- Sums of the ledger by hour, which follow it row by row, so that a month of millions of rows is read from some thousands; and who may
-- read the ledger.
--
-- Every new row of the ledger is noted in usage_events_new, in the same transaction. app.roll_up_usage takes notes and adds their rows to
-- usage_hours, in one transaction too: so a row is in exactly one of the two whatever is killed when, and a row that came late is a new
-- row like any other. Who reads adds both.

set role supergate_owner;

-- Rows of the ledger that are not in the sums yet. Without foreign keys: the ledger's row has them.
create table usage_events_new (
    tenant_id uuid not null,
    request_id uuid not null,
    attempt smallint not null,
    primary key (tenant_id, request_id, attempt)
);

-- Those that are there already. The owner sees them all only while it is not forced under the policies of its own table.
alter table usage_events no force row level security;
insert into usage_events_new select tenant_id, request_id, attempt from usage_events;
alter table usage_events force row level security;

create table usage_hours (
    tenant_id uuid not null,
    -- When it begins. The time of a request is that of its id.
    hour timestamptz not null,
    -- What it sums up: everything, or what is booked under the tag, or was for the end user, that `label` names. A request with several
    -- tags is in the sums of each.
    kind text not null check (kind in ('all', 'tag', 'end_user')),
    label text not null,
    provider text not null,
    model text not null,
    key_id uuid,
    member_id uuid,
    attempts bigint not null,
    -- First attempts: a request has one.
    requests bigint not null,
    errors bigint not null,
    input_tokens bigint not null,
    output_tokens bigint not null,
    cached_input_tokens bigint not null,
    cache_write_tokens bigint not null,
    reasoning_tokens bigint not null,
    cost_nanos bigint not null,
    cache_hits bigint not null,
    saved_nanos bigint not null,
    unique nulls not distinct (tenant_id, kind, hour, label, provider, model, key_id, member_id),
    check ((kind = 'all') = (label = ''))
);

alter table usage_events_new enable row level security;
alter table usage_events_new force row level security;
create policy tenant_isolation on usage_events_new to supergate_app, supergate_sweeper, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());

alter table usage_hours enable row level security;
alter table usage_hours force row level security;
create policy tenant_isolation on usage_hours to supergate_sweeper, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());

-- Who writes the ledger notes; the sweeper adds up; a tenant's people read.
grant insert on usage_events_new to supergate_app;
grant select, insert, delete on usage_events_new to supergate_sweeper;
grant select, insert on usage_hours to supergate_sweeper;
grant update (attempts, requests, errors, input_tokens, output_tokens, cached_input_tokens, cache_write_tokens, reasoning_tokens,
              cost_nanos, cache_hits, saved_nanos)
    on usage_hours to supergate_sweeper;
grant select (status, ended, provider, model, key_id, member_id, tags, end_user, input_tokens, output_tokens, cached_input_tokens,
              cache_write_tokens, reasoning_tokens, cost_nanos, cache, saved_nanos)
    on usage_events to supergate_sweeper;
alter policy tenant_isolation on usage_events to supergate_app, supergate_sweeper, supergate_office, supergate_owner;
grant select on usage_events, usage_events_new, usage_hours to supergate_office;

-- When a request came: its id begins with the milliseconds.
create function app.request_time(request uuid) returns timestamptz
    language sql
    immutable
    strict
    parallel safe
    set search_path = ''
as $$
    select timestamptz 'epoch' + ('x' || substr(replace(request::text, '-', ''), 1, 12))::bit(48)::bigint * interval '1 millisecond'
$$;

create function app.note_new_usage() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    insert into public.usage_events_new (tenant_id, request_id, attempt) select tenant_id, request_id, attempt from added;
    return null;
end
$$;
create trigger new_usage after insert on usage_events referencing new table as added
    for each statement execute function app.note_new_usage();

-- Adds so many noted rows of the transaction's tenant to the sums, and says how many it took: fewer than asked for means that none is left.
-- Two at once take different rows, or the second finds none.
create function app.roll_up_usage(most integer) returns bigint
    language sql
    set search_path = ''
as $$
    with next as (
        select n.tenant_id, n.request_id, n.attempt from public.usage_events_new n
        where n.tenant_id = app.tenant_id() order by n.request_id, n.attempt limit most
    ), taken as (
        delete from public.usage_events_new n using next
        where (n.tenant_id, n.request_id, n.attempt) = (next.tenant_id, next.request_id, next.attempt)
        returning n.tenant_id, n.request_id, n.attempt
    ), events as (
        -- `offset 0`: each row by the ledger's key. A join of another kind would read whole partitions.
        select e.* from taken t cross join lateral (
            select date_trunc('hour', app.request_time(e.request_id), 'UTC') as hour, e.attempt, e.provider, e.model, e.key_id, e.member_id, e.tags,
                e.end_user, e.status, e.ended, e.input_tokens, e.output_tokens, e.cached_input_tokens, e.cache_write_tokens,
                e.reasoning_tokens, e.cost_nanos, e.cache, e.saved_nanos
            from public.usage_events e
            where e.tenant_id = t.tenant_id and e.request_id = t.request_id and e.attempt = t.attempt
            offset 0
        ) e
    ), labelled as (
        select 'all' as kind, '' as label, e.* from events e
        union all
        select 'tag', tag, e.* from events e cross join lateral (select distinct unnest(e.tags)) tags(tag)
        union all
        select 'end_user', e.end_user, e.* from events e where e.end_user <> ''
    ), added as (
        insert into public.usage_hours as h (
            tenant_id, hour, kind, label, provider, model, key_id, member_id, attempts, requests, errors, input_tokens, output_tokens,
            cached_input_tokens, cache_write_tokens, reasoning_tokens, cost_nanos, cache_hits, saved_nanos)
        select app.tenant_id(), hour, kind, label, provider, model, key_id, member_id,
            count(*),
            count(*) filter (where attempt = 1),
            count(*) filter (where status >= 400 or ended <> 'complete'),
            sum(input_tokens), sum(output_tokens), coalesce(sum(cached_input_tokens), 0), coalesce(sum(cache_write_tokens), 0),
            coalesce(sum(reasoning_tokens), 0), sum(cost_nanos),
            count(*) filter (where cache in ('hit', 'semantic_hit')),
            sum(saved_nanos)
        from labelled
        group by hour, kind, label, provider, model, key_id, member_id
        on conflict (tenant_id, kind, hour, label, provider, model, key_id, member_id) do update set
            attempts = h.attempts + excluded.attempts,
            requests = h.requests + excluded.requests,
            errors = h.errors + excluded.errors,
            input_tokens = h.input_tokens + excluded.input_tokens,
            output_tokens = h.output_tokens + excluded.output_tokens,
            cached_input_tokens = h.cached_input_tokens + excluded.cached_input_tokens,
            cache_write_tokens = h.cache_write_tokens + excluded.cache_write_tokens,
            reasoning_tokens = h.reasoning_tokens + excluded.reasoning_tokens,
            cost_nanos = h.cost_nanos + excluded.cost_nanos,
            cache_hits = h.cache_hits + excluded.cache_hits,
            saved_nanos = h.saved_nanos + excluded.saved_nanos
    )
    select count(*) from taken
$$;

revoke all on function app.request_time(uuid), app.note_new_usage(), app.roll_up_usage(integer) from public;
grant execute on function app.request_time(uuid) to supergate_office, supergate_sweeper;
grant execute on function app.roll_up_usage(integer) to supergate_sweeper;

-- Everything of a tenant includes its sums.
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

-- The sweeper asks whose rows are new before it names a tenant.
create policy look_up on usage_events_new for select to supergate_auth using (true);
grant select (tenant_id) on usage_events_new to supergate_auth;

reset role;
grant create on schema app to supergate_auth;
set role supergate_auth;

-- The next tenants of which rows are noted, in the order of their ids.
create function app.find_tenants_with_new_usage(after uuid, most integer) returns table (tenant_id uuid)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    -- From one tenant to the next by the index, however many rows each has.
    with recursive tenants(id) as (
        (select n.tenant_id from public.usage_events_new n where n.tenant_id > after order by n.tenant_id limit 1)
        union all
        select (select n.tenant_id from public.usage_events_new n where n.tenant_id > tenants.id order by n.tenant_id limit 1)
        from tenants where tenants.id is not null
    )
    select id from tenants where id is not null limit most
$$;

revoke all on function app.find_tenants_with_new_usage(uuid, integer) from public;
grant execute on function app.find_tenants_with_new_usage(uuid, integer) to supergate_sweeper;

reset role;
revoke create on schema app from supergate_auth;
