-- The semantic cache: answers, sealed with their tenant's own data key, and the vectors of what was asked.

create extension if not exists vector;

set role supergate_owner;

-- The data keys that entries are sealed with. A tenant has one; another takes its place when KMS does not unwrap it any more.
create table cache_keys (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    -- As KMS wrapped it, and under which KMS key.
    wrapped_key bytea not null check (length(wrapped_key) between 1 and 6144),
    kms_key_id text not null check (length(kms_key_id) between 1 and 2048),
    -- No less than its entries take. What was deleted is taken off when the tenant comes to its most.
    bytes bigint not null default 0 check (bytes >= 0),
    created_at timestamptz not null default now(),
    primary key (tenant_id, id)
);

-- Everything but `hits`, `last_hit_at` and `quarantined_at` is covered by the seal: a row of which a bit is changed, or that is copied to
-- another tenant, namespace or prompt, does not open.
create table cache_entries (
    tenant_id uuid not null,
    id uuid not null,
    key_id uuid not null,
    -- SHA-256 of all that must be equal for an answer to be the same (cache/namespace.rs).
    namespace bytea not null check (length(namespace) = 32),
    -- SHA-256 of the prompt byte by byte, and of its canonical text; null where that may not answer.
    exact bytea not null check (length(exact) = 32),
    canonical bytea check (length(canonical) = 32),
    provider text not null check (provider ~ '^[a-z0-9-]{1,40}$'),
    model text not null check (length(model) between 1 and 200),
    created_at timestamptz not null,
    -- Until when each tier may answer with it, and the last of these.
    exact_until timestamptz not null,
    canonical_until timestamptz,
    similar_until timestamptz,
    expires_at timestamptz not null,
    nonce bytea not null check (length(nonce) = 12),
    -- Null in quarantine: what was reported as wrong cannot come back.
    ciphertext bytea check (length(ciphertext) between 17 and 16777216),
    -- What the entry takes of the tenant's budget, with its vector and the indexes.
    bytes integer not null check (bytes > 0),
    -- What the answer cost, and so about what a hit saves.
    cost_nanos bigint not null check (cost_nanos >= 0),
    hits bigint not null default 0 check (hits >= 0),
    last_hit_at timestamptz,
    quarantined_at timestamptz,
    primary key (tenant_id, id),
    foreign key (tenant_id, key_id) references cache_keys (tenant_id, id),
    unique (tenant_id, namespace, exact),
    check ((canonical is null) = (canonical_until is null)),
    check ((quarantined_at is null) = (ciphertext is not null)),
    check (expires_at = greatest(exact_until, canonical_until, similar_until))
);
create index cache_entries_by_canonical on cache_entries (tenant_id, namespace, canonical) where canonical is not null;
create index cache_entries_by_expiry on cache_entries (expires_at);

-- Narrow, and read in whole namespaces by the b-tree: an approximate index over everybody's vectors gives a small tenant nothing when a large one
-- is near, and its time tells what others have.
create table cache_vectors (
    tenant_id uuid not null,
    entry_id uuid not null,
    namespace bytea not null check (length(namespace) = 32),
    until timestamptz not null,
    embedding halfvec not null check (vector_dims(embedding) between 1 and 4000),
    -- Its beginning is what a look-up reads by.
    primary key (tenant_id, namespace, entry_id),
    foreign key (tenant_id, entry_id) references cache_entries (tenant_id, id) on delete cascade
);
alter table cache_vectors alter column embedding set storage plain;
create index cache_vectors_by_entry on cache_vectors (tenant_id, entry_id);

alter table cache_keys enable row level security;
alter table cache_keys force row level security;
create policy tenant_isolation on cache_keys to supergate_app, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
alter table cache_entries enable row level security;
alter table cache_entries force row level security;
create policy tenant_isolation on cache_entries to supergate_app, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
alter table cache_vectors enable row level security;
alter table cache_vectors force row level security;
create policy tenant_isolation on cache_vectors to supergate_app, supergate_office, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());

-- Who serves reads and writes; who administers sees what there is, not what it says, and deletes.
grant select, insert on cache_keys to supergate_app;
grant update (bytes) on cache_keys to supergate_app;
grant select, insert, delete on cache_entries to supergate_app;
grant update (hits, last_hit_at) on cache_entries to supergate_app;
grant select, insert, delete on cache_vectors to supergate_app;
grant select (tenant_id, id, bytes, created_at) on cache_keys to supergate_office;
grant select (tenant_id, id, namespace, provider, model, created_at, exact_until, canonical_until, similar_until, expires_at, bytes, cost_nanos, hits,
              last_hit_at, quarantined_at), delete on cache_entries to supergate_office;
-- Quarantine: the answer goes, and the vector by which similar prompts would find it.
grant update (ciphertext, quarantined_at) on cache_entries to supergate_office;
grant select (tenant_id, namespace, entry_id, until), delete on cache_vectors to supergate_office;

-- What an entry is worth keeping for: what a hit saves, as often as there were hits, for each byte, half of it gone with each day without one.
create function app.cache_value(cost_nanos bigint, hits bigint, bytes integer, used_at timestamptz, now timestamptz) returns double precision
    language sql
    immutable
    parallel safe
    set search_path = ''
as $$
    select (hits + 1) * (cost_nanos + 1)::double precision / bytes
        * power(0.5, least(greatest(extract(epoch from now - used_at) / 86400, 0), 1000))
$$;

-- Makes room after an entry was stored: at most so many vectors in its namespace, at most so many bytes of the tenant. What goes is worth least, and
-- never what was just stored. Says how many entries went. Runs as who calls it, under the policies.
create function app.trim_cache(stored uuid, most_vectors integer, most_bytes bigint, now timestamptz) returns integer
    language plpgsql
    set search_path = ''
as $$
declare
    entry public.cache_entries;
    taken bigint;
    room bigint;
    gone integer := 0;
begin
    select * into entry from public.cache_entries e where e.id = stored;
    if entry.id is null then
        return 0;
    end if;
    delete from public.cache_vectors v using (
        select w.entry_id from public.cache_vectors w join public.cache_entries e on e.tenant_id = w.tenant_id and e.id = w.entry_id
        where w.namespace = entry.namespace and w.entry_id <> stored
        order by app.cache_value(e.cost_nanos, e.hits, e.bytes, coalesce(e.last_hit_at, e.created_at), now) desc, e.id
        offset greatest(most_vectors - 1, 0)
    ) least_worth
    where v.entry_id = least_worth.entry_id;
    -- The key's row is locked by this: who stores at the same moment counts after us.
    update public.cache_keys k set bytes = k.bytes + entry.bytes where k.id = entry.key_id;
    select sum(k.bytes) into taken from public.cache_keys k;
    if taken > most_bytes then
        -- A tenth more than must be, so that the next ones do not have to look.
        room := most_bytes - most_bytes / 10;
        delete from public.cache_entries e using (
            select w.id, sum(w.bytes) over (
                order by w.expires_at <= now, app.cache_value(w.cost_nanos, w.hits, w.bytes, coalesce(w.last_hit_at, w.created_at), now) desc, w.id
            ) as so_far
            from public.cache_entries w where w.id <> stored
        ) ordered
        where e.id = ordered.id and ordered.so_far > room - entry.bytes;
        get diagnostics gone = row_count;
        update public.cache_keys k set bytes = coalesce((select sum(e.bytes) from public.cache_entries e where e.key_id = k.id), 0);
    end if;
    return gone;
end
$$;

revoke all on function app.cache_value(bigint, bigint, integer, timestamptz, timestamptz), app.trim_cache(uuid, integer, bigint, timestamptz) from public;
grant execute on function app.cache_value(bigint, bigint, integer, timestamptz, timestamptz), app.trim_cache(uuid, integer, bigint, timestamptz)
    to supergate_app;

-- The end of a tenant is the end of its cache: three lines more in the function that is there.
do $$
declare
    definition text := pg_get_functiondef('app.erase_tenant(integer)'::regprocedure);
    last_line text := E'        delete from public.api_keys where tenant_id = app.tenant_id();\n';
begin
    if position(last_line in definition) = 0 then
        raise exception 'app.erase_tenant is not written like this any more';
    end if;
    execute replace(definition, last_line,
        E'        delete from public.cache_vectors where tenant_id = app.tenant_id();\n'
        '        delete from public.cache_entries where tenant_id = app.tenant_id();\n'
        '        delete from public.cache_keys where tenant_id = app.tenant_id();\n' || last_line);
end
$$;

reset role;
