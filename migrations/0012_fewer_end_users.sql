-- The sums by hour have at most a thousand end users by name, and one sum of all others: a caller may send another `user` with each
-- request, and sums as long as the ledger itself are no sums. And who looks for unusual spending reads hours and not tenants.

set role supergate_owner;

alter table usage_hours drop constraint usage_hours_kind_check;
-- `end_users`: those of the hour that have no sum of their own.
alter table usage_hours add constraint usage_hours_kind_check check (kind in ('all', 'tag', 'end_user', 'end_users'));
create index usage_hours_of_all on usage_hours (hour, tenant_id) include (cost_nanos) where kind = 'all';

-- As in 0009, but for the end users.
create or replace function app.roll_up_usage(most integer) returns bigint
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
    ), named as (
        select distinct h.hour, h.label from public.usage_hours h
        where h.tenant_id = app.tenant_id() and h.kind = 'end_user' and h.hour in (select hour from events)
    ), nameless as (
        -- Who has no sum yet, the dearest first.
        select e.hour, e.end_user, row_number() over (partition by e.hour order by sum(e.cost_nanos) desc, e.end_user) as place
        from events e where e.end_user <> '' and not exists (select from named where (named.hour, named.label) = (e.hour, e.end_user))
        group by e.hour, e.end_user
    ), others as (
        -- Those for whom there is no room.
        select n.hour, n.end_user from nameless n
        where n.place + (select count(*) from named where named.hour = n.hour) > 1000
    ), labelled as (
        select 'all' as kind, '' as label, e.* from events e
        union all
        select 'tag', tag, e.* from events e cross join lateral (select distinct unnest(e.tags)) tags(tag)
        union all
        select case when o.hour is null then 'end_user' else 'end_users' end, case when o.hour is null then e.end_user else 'others' end, e.*
        from events e left join others o on (o.hour, o.end_user) = (e.hour, e.end_user) where e.end_user <> ''
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

reset role;
