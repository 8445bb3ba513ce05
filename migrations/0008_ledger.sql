-- A row of the ledger says on whom, under what and at which prices it is booked; refusals and answers from the cache have rows too; and
-- the sweeper, which finishes what was interrupted, signs in as a role of its own.
--
-- Expands only: what is new may be null or has a default, so functions of the release before keep writing their rows.

do $$
begin
    if not exists (select from pg_roles where rolname = 'supergate_sweeper') then
        create role supergate_sweeper login;
    end if;
    if exists (select from pg_roles where rolname = 'rds_iam') then
        grant rds_iam to supergate_sweeper;
    end if;
exception
    -- Another database of this cluster is being migrated at the same moment and made the role first.
    when duplicate_object or unique_violation then null;
end
$$;

grant usage on schema app to supergate_sweeper;

set role supergate_owner;

grant execute on function app.set_tenant(uuid), app.tenant_id() to supergate_sweeper;

alter table usage_events
    -- The person on whom it is booked: who called, or who made the key.
    add column member_id uuid,
    -- The key's, and those of the request.
    add column tags text[] not null default '{}' check (cardinality(tags) <= 60),
    -- Whom the caller served, by its own word (`user` of the request).
    add column end_user text check (length(end_user) <= 256),
    -- Which prices the cost was computed with.
    add column price_version text check (length(price_version) <= 100),
    -- What the cache said; null: it was not asked.
    add column cache text check (cache in ('hit', 'semantic_hit', 'miss', 'bypass', 'disabled')),
    -- What the request would have cost, where the cache answered it.
    add column saved_nanos bigint not null default 0 check (saved_nanos >= 0),
    -- What the caller was told, if it was an error.
    add column error_code text check (length(error_code) <= 100),
    drop constraint usage_events_ended_check,
    -- Refused: by a policy, before any provider was asked. Lost: the function ended without a word, and the sweeper wrote the row.
    add constraint usage_events_ended_check check (ended in ('complete', 'truncated', 'failed', 'deadline', 'refused', 'lost')),
    drop constraint usage_events_usage_source_check,
    -- Reserved: nobody knows what was used, so what was set aside for it counts.
    add constraint usage_events_usage_source_check check (usage_source in ('provider', 'counted', 'reserved', 'none')),
    add constraint usage_events_refused_is_free check (ended <> 'refused' or cost_nanos = 0);

-- The sweeper ------------------------------------------------------------------------------------------------------------------

alter policy tenant_isolation on usage_events to supergate_app, supergate_sweeper, supergate_owner;
-- It adds rows that were lost or had to wait, and sees of the others that they exist and what they cost.
grant select (tenant_id, request_id, attempt, input_tokens, output_tokens, usage_source, cost_nanos), insert on usage_events
    to supergate_sweeper;

-- What has expired is nobody's any more: it sees that, whosever it was, and nothing that has not.
create policy expired on refresh_tokens for select to supergate_sweeper using (expires_at < now());
create policy expired_end on refresh_tokens for delete to supergate_sweeper using (expires_at < now());
create policy expired on invitations for select to supergate_sweeper using (expires_at < now());
create policy expired_end on invitations for delete to supergate_sweeper using (expires_at < now());
grant select (id, person_id, expires_at), delete on refresh_tokens to supergate_sweeper;
grant select (id, tenant_id, expires_at), delete on invitations to supergate_sweeper;

-- Makes the ledger's partitions of this month and of so many after it, where they are missing; says how many were. With its owner's
-- rights, because a partition belongs to the owner of its table.
create function app.prepare_usage_partitions(months integer) returns integer
    language plpgsql
    security definer
    set search_path = ''
as $$
declare
    this_month timestamp := date_trunc('month', now() at time zone 'UTC');
    made integer := 0;
begin
    -- A new partition locks the ledger for a moment; rather later than behind a long query, with every write behind it.
    perform pg_catalog.set_config('lock_timeout', '2s', true);
    for month in 0..least(months, 24) loop
        if app.create_usage_partition((this_month + month * interval '1 month')::date) then
            made := made + 1;
        end if;
    end loop;
    return made;
end
$$;

-- Deletes what has expired, at most so many of each kind; says how many it were. The policies above say what that can be.
create function app.end_expired(most integer) returns integer
    language plpgsql
    set search_path = ''
as $$
declare
    ended integer;
    more integer;
begin
    delete from public.refresh_tokens where id in (
        select t.id from public.refresh_tokens t where t.expires_at < now() order by t.expires_at limit most);
    get diagnostics ended = row_count;
    delete from public.invitations where id in (
        select i.id from public.invitations i where i.expires_at < now() order by i.expires_at limit most);
    get diagnostics more = row_count;
    return ended + more;
end
$$;

revoke all on function app.prepare_usage_partitions(integer), app.end_expired(integer) from public;
grant execute on function app.prepare_usage_partitions(integer), app.end_expired(integer) to supergate_sweeper;

reset role;
