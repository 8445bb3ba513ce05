-- What a tenant and its keys want of the cache, how often a similar prompt's answer was right, sums of what the cache brought, and its expiry.

set role supergate_owner;

-- Changes a few lines of a function that is there, for files that may come in another order with others that change it too: each of the old
-- texts must be in it once. Gone at the end of this file.
create function app.change_function(changed regprocedure, variadic changes text[]) returns void
    language plpgsql
    set search_path = ''
as $$
declare
    definition text := pg_get_functiondef(changed);
begin
    for i in 1..cardinality(changes) by 2 loop
        if length(definition) - length(replace(definition, changes[i], '')) <> length(changes[i]) then
            raise exception '% is not written like this any more: %', changed, changes[i];
        end if;
        definition := replace(definition, changes[i], changes[i + 1]);
    end loop;
    execute definition;
end
$$;
revoke all on function app.change_function(regprocedure, text[]) from public;
grant execute on function app.change_function(regprocedure, text[]) to supergate_auth;

-- Settings ---------------------------------------------------------------------------------------------------------------------

create table cache_settings (
    tenant_id uuid not null references tenants (id),
    -- Null: the tenant's. A key's take away from those and add nothing.
    key_id uuid,
    -- Null, here and below: as it is by default (cache/decide.rs), and for a key: as its tenant has it.
    tier text check (tier in ('off', 'exact', 'canonical', 'semantic')),
    sharing text check (sharing in ('key', 'tenant')),
    -- The program knows the floor, which depends on what makes the vectors.
    threshold double precision check (threshold > 0 and threshold <= 1),
    -- The most errors per hit before similar prompts are not answered any more. What was compared is the tenant's, so this is too.
    error_limit double precision check (error_limit > 0 and error_limit < 1),
    earlier_turns boolean,
    ttl_seconds integer check (ttl_seconds between 1 and 2592000),
    semantic_ttl_seconds integer check (semantic_ttl_seconds between 1 and 2592000),
    -- What all entries of the tenant take at most. Set by the operators of the deployment.
    most_bytes bigint check (most_bytes >= 0),
    -- The provider's model that makes the vectors, as `provider/model`, and the least similarity of those; null: the one in the process. What
    -- was compared was compared with these vectors, so this is the tenant's too.
    embedder text check (embedder ~ '^[a-z0-9-]{1,40}/[^[:cntrl:]]{1,200}$'),
    embedder_threshold double precision check (embedder_threshold > 0 and embedder_threshold <= 1),
    updated_at timestamptz not null default now(),
    unique nulls not distinct (tenant_id, key_id),
    foreign key (tenant_id, key_id) references api_keys (tenant_id, id),
    check ((embedder is null) = (embedder_threshold is null)),
    check (key_id is null or num_nonnulls(error_limit, most_bytes, embedder) = 0)
);

alter table cache_settings enable row level security;
alter table cache_settings force row level security;
create policy tenant_isolation on cache_settings to supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
create policy look_up on cache_settings for select to supergate_auth using (true);
grant select, insert, delete on cache_settings to supergate_office;
grant update (tier, sharing, threshold, error_limit, earlier_turns, ttl_seconds, semantic_ttl_seconds, most_bytes, embedder, embedder_threshold,
              updated_at) on cache_settings to supergate_office;
grant select (tenant_id, key_id, tier, sharing, threshold, error_limit, earlier_turns, ttl_seconds, semantic_ttl_seconds, most_bytes, embedder,
              embedder_threshold) on cache_settings to supergate_auth;

-- Trust ------------------------------------------------------------------------------------------------------------------------

-- Whether similar prompts are answered, and what was compared since that changed. No row: in shadow, and nothing was compared.
create table cache_trust (
    -- Without a foreign key: what comes as the tenant goes must not keep it.
    tenant_id uuid primary key,
    mode text not null default 'shadow' check (mode in ('shadow', 'serving')),
    compared integer not null default 0 check (compared >= 0),
    wrong integer not null default 0 check (wrong between 0 and compared),
    -- When it came into this mode.
    since timestamptz not null
);

-- What was compared in which hour, for statistics: this is never set back.
create table cache_trial_hours (
    tenant_id uuid not null references tenants (id),
    hour timestamptz not null,
    -- Shadow: with an answer that the provider gave anyway. Audit: with one that it was asked for. Report: somebody said that it was wrong.
    kind text not null check (kind in ('shadow', 'audit', 'report')),
    compared bigint not null check (compared > 0),
    wrong bigint not null check (wrong between 0 and compared),
    primary key (tenant_id, hour, kind)
);

-- Each that was wrong, for as long as somebody may want to look.
create table cache_errors (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    at timestamptz not null,
    expires_at timestamptz not null,
    -- The entry; it may be gone.
    entry_id uuid not null,
    kind text not null check (kind in ('shadow', 'audit', 'report')),
    -- In what the answers differed: words of ours, and nothing of what was asked or answered.
    reasons text[] not null check (cardinality(reasons) <= 20),
    similarity real check (similarity between -1 and 1),
    primary key (tenant_id, id)
);
create index cache_errors_by_expiry on cache_errors (expires_at);

alter table cache_trust enable row level security;
alter table cache_trust force row level security;
create policy tenant_isolation on cache_trust to supergate_app, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
create policy look_up on cache_trust for select to supergate_auth using (true);
alter table cache_trial_hours enable row level security;
alter table cache_trial_hours force row level security;
create policy tenant_isolation on cache_trial_hours to supergate_app, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
alter table cache_errors enable row level security;
alter table cache_errors force row level security;
create policy tenant_isolation on cache_errors to supergate_app, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());

-- Who serves compares; who administers hears of what was wrong, and reads.
grant select, insert on cache_trust, cache_trial_hours to supergate_app, supergate_office;
grant update (mode, compared, wrong, since) on cache_trust to supergate_app, supergate_office;
grant update (compared, wrong) on cache_trial_hours to supergate_app, supergate_office;
grant insert on cache_errors to supergate_app, supergate_office;
grant select on cache_errors to supergate_office;
grant select (tenant_id, mode) on cache_trust to supergate_auth;

-- Notes one comparison, and gives what is known without it. The row of `cache_trust` is locked until the transaction ends: of two who compare
-- at the same moment one comes after the other, so a change of mode happens once. Runs as who calls it, under the policies.
create function app.note_cache_trial(trial uuid, entry uuid, kind text, is_wrong boolean, reasons text[], similarity real, at timestamptz)
    returns table (mode text, compared integer, wrong integer)
    language plpgsql
    set search_path = ''
as $$
begin
    insert into public.cache_trust (tenant_id, since) values (app.tenant_id(), at) on conflict (tenant_id) do nothing;
    insert into public.cache_trial_hours as h (tenant_id, hour, kind, compared, wrong)
    values (app.tenant_id(), date_trunc('hour', at, 'UTC'), kind, 1, is_wrong::integer)
    on conflict on constraint cache_trial_hours_pkey do update set compared = h.compared + 1, wrong = h.wrong + excluded.wrong;
    if is_wrong then
        insert into public.cache_errors (tenant_id, id, at, expires_at, entry_id, kind, reasons, similarity)
        values (app.tenant_id(), trial, at, at + interval '90 days', entry, kind, reasons, similarity);
    end if;
    return query select t.mode, t.compared, t.wrong from public.cache_trust t where t.tenant_id = app.tenant_id() for update;
end
$$;
revoke all on function app.note_cache_trial(uuid, uuid, text, boolean, text[], real, timestamptz) from public;
grant execute on function app.note_cache_trial(uuid, uuid, text, boolean, text[], real, timestamptz) to supergate_app, supergate_office;

-- What the cache brought -------------------------------------------------------------------------------------------------------

-- The caller's own name for a part of its cache, by which it may be emptied. The hash of the namespace has it too.
alter table cache_entries add column part text check (part ~ '^[A-Za-z0-9._-]{1,64}$');
create index cache_entries_by_part on cache_entries (tenant_id, part) where part is not null;
grant select (part) on cache_entries to supergate_office;

alter table usage_events
    -- How much sooner the answer was there, where the cache gave it.
    add column saved_ms integer check (saved_ms >= 0),
    drop constraint usage_events_cache_check,
    -- Audit: what was asked again to compare it with an answer that the cache had given. Embedding: a vector that the cache asked a provider for.
    add constraint usage_events_cache_check
        check (cache in ('hit', 'canonical_hit', 'semantic_hit', 'miss', 'bypass', 'disabled', 'audit', 'embedding'));
alter table usage_hours
    -- Of `cache_hits` those of another spelling and of another text.
    add column cache_canonical_hits bigint not null default 0,
    add column cache_semantic_hits bigint not null default 0,
    add column cache_misses bigint not null default 0,
    add column cache_bypasses bigint not null default 0,
    add column cache_audits bigint not null default 0,
    -- What those cost.
    add column audit_nanos bigint not null default 0,
    -- What the vectors cost that a provider made for it.
    add column embedding_nanos bigint not null default 0,
    add column saved_ms bigint not null default 0;
grant select (saved_ms) on usage_events to supergate_sweeper;
grant update (cache_canonical_hits, cache_semantic_hits, cache_misses, cache_bypasses, cache_audits, audit_nanos, embedding_nanos,
              saved_ms) on usage_hours to supergate_sweeper;

select app.change_function('app.roll_up_usage(integer)',
    E'e.reasoning_tokens, e.cost_nanos, e.cache, e.saved_nanos\n',
    E'e.reasoning_tokens, e.cost_nanos, e.cache, e.saved_nanos, e.saved_ms\n',
    'cost_nanos, cache_hits, saved_nanos)',
    'cost_nanos, cache_hits, saved_nanos, cache_canonical_hits, cache_semantic_hits, cache_misses, cache_bypasses, cache_audits,
            audit_nanos, embedding_nanos, saved_ms)',
    'count(*) filter (where cache in (''hit'', ''semantic_hit''))',
    'count(*) filter (where cache in (''hit'', ''canonical_hit'', ''semantic_hit''))',
    E'            sum(saved_nanos)\n',
    E'            sum(saved_nanos),
            count(*) filter (where cache = ''canonical_hit''),
            count(*) filter (where cache = ''semantic_hit''),
            count(*) filter (where cache = ''miss''),
            count(*) filter (where cache = ''bypass''),
            count(*) filter (where cache = ''audit''),
            coalesce(sum(cost_nanos) filter (where cache = ''audit''), 0),
            coalesce(sum(cost_nanos) filter (where cache = ''embedding''), 0),
            coalesce(sum(saved_ms), 0)\n',
    'saved_nanos = h.saved_nanos + excluded.saved_nanos',
    'saved_nanos = h.saved_nanos + excluded.saved_nanos,
            cache_canonical_hits = h.cache_canonical_hits + excluded.cache_canonical_hits,
            cache_semantic_hits = h.cache_semantic_hits + excluded.cache_semantic_hits,
            cache_misses = h.cache_misses + excluded.cache_misses,
            cache_bypasses = h.cache_bypasses + excluded.cache_bypasses,
            cache_audits = h.cache_audits + excluded.cache_audits,
            audit_nanos = h.audit_nanos + excluded.audit_nanos,
            embedding_nanos = h.embedding_nanos + excluded.embedding_nanos,
            saved_ms = h.saved_ms + excluded.saved_ms');

-- Expiry -----------------------------------------------------------------------------------------------------------------------

-- As with sessions and invitations: what has expired is seen whosever it was, and nothing that has not. An entry's vector goes with it.
create policy expired on cache_entries for select to supergate_sweeper using (expires_at < now());
create policy expired_end on cache_entries for delete to supergate_sweeper using (expires_at < now());
create policy expired on cache_errors for select to supergate_sweeper using (expires_at < now());
create policy expired_end on cache_errors for delete to supergate_sweeper using (expires_at < now());
grant select (tenant_id, id, expires_at), delete on cache_entries to supergate_sweeper;
grant select (tenant_id, id, expires_at), delete on cache_errors to supergate_sweeper;

select app.change_function('app.end_expired(integer)',
    'return ended + more;',
    'ended := ended + more;
    delete from public.cache_entries where (tenant_id, id) in (
        select e.tenant_id, e.id from public.cache_entries e where e.expires_at < now() order by e.expires_at limit most);
    get diagnostics more = row_count;
    ended := ended + more;
    delete from public.cache_errors where (tenant_id, id) in (
        select e.tenant_id, e.id from public.cache_errors e where e.expires_at < now() order by e.expires_at limit most);
    get diagnostics more = row_count;
    return ended + more;');

-- The end of a tenant ----------------------------------------------------------------------------------------------------------

-- Before any row goes, its data keys are overwritten: entries refer to them, so their rows go last.
grant select (kms_key_id), update (wrapped_key, kms_key_id) on cache_keys to supergate_office;

-- What goes with a tenant once its ledger is gone, what refers to others before those. A file that makes a table replaces this function and
-- no other; a test finds a table that is forgotten.
create function app.tables_of_a_tenant() returns text[]
    language sql
    immutable
    parallel safe
    set search_path = ''
as $$
    select array[
        'usage_events_new', 'usage_hours', 'prices', 'limits', 'budgets', 'provider_credentials', 'invitations', 'members',
        'cache_errors', 'cache_trial_hours', 'cache_trust', 'cache_settings', 'cache_vectors', 'cache_entries', 'cache_keys',
        'api_keys'
    ]
$$;
revoke all on function app.tables_of_a_tenant() from public;

create or replace function app.erase_tenant(most integer) returns bigint
    language plpgsql
    security definer
    set search_path = ''
as $$
declare
    remaining bigint;
    name text;
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
        foreach name in array app.tables_of_a_tenant() loop
            execute pg_catalog.format('delete from public.%I where tenant_id = app.tenant_id()', name);
        end loop;
        delete from public.tenants where id = app.tenant_id();
    end if;
    return remaining;
end
$$;

reset role;
grant create on schema app to supergate_auth;
set role supergate_auth;

-- Part of the look-ups, as the limits are: what the tenant and the key have set, and whether similar prompts are answered.
create function app.cache_wanted(tenant uuid, key uuid) returns jsonb
    language sql
    stable
    set search_path = ''
as $$
    with settings as (
        select c.key_id, jsonb_strip_nulls(jsonb_build_object('tier', c.tier, 'sharing', c.sharing, 'threshold', c.threshold, 'error_limit', c.error_limit,
                'earlier_turns', c.earlier_turns, 'ttl_seconds', c.ttl_seconds, 'semantic_ttl_seconds', c.semantic_ttl_seconds,
                'most_bytes', c.most_bytes, 'embedder', c.embedder, 'embedder_threshold', c.embedder_threshold)) as said
        from public.cache_settings c where c.tenant_id = tenant and (c.key_id is null or c.key_id = key)
    )
    select jsonb_build_object(
        'tenant', (select s.said from settings s where s.key_id is null),
        'key', (select s.said from settings s where s.key_id is not null),
        'serving', coalesce((select t.mode = 'serving' from public.cache_trust t where t.tenant_id = tenant), false)
    )
$$;
revoke all on function app.cache_wanted(uuid, uuid) from public;
select app.change_function('app.bounds(uuid, uuid, uuid)',
    E'jsonb_build_object(\n        ''limits'', (', E'jsonb_build_object(\n        ''cache'', app.cache_wanted(tenant, key),\n        ''limits'', (');

reset role;
revoke create on schema app from supergate_auth;
set role supergate_owner;
drop function app.change_function(regprocedure, text[]);
reset role;
