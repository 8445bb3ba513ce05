-- Tenants get tiers and settings, people get accounts and memberships, keys get what they may do; each group of functions signs in as a
-- role of its own.
--
-- | role | who signs in as it |
-- |---|---|
-- | supergate_app | chat-completions, embeddings, models, health: what callers wait for |
-- | supergate_office | tenant, keys, provider-keys, audit: what a tenant's administrators do |
-- | supergate_people | auth: what people do with their own accounts |
-- | supergate_rotation | rotation: seals credentials anew |

do $$
declare
    name text;
begin
    foreach name in array array['supergate_office', 'supergate_people', 'supergate_rotation'] loop
        begin
            if not exists (select from pg_roles where rolname = name) then
                execute format('create role %I login', name);
            end if;
            if exists (select from pg_roles where rolname = 'rds_iam') then
                execute format('grant rds_iam to %I', name);
            end if;
        exception
            -- Another database of this cluster is being migrated at the same moment and made the role first.
            when duplicate_object or unique_violation then null;
        end;
    end loop;
end
$$;

grant usage on schema app to supergate_office, supergate_people, supergate_rotation;

set role supergate_owner;

grant execute on function app.set_tenant(uuid), app.tenant_id() to supergate_office, supergate_people, supergate_rotation;

-- The one tenant that is the deployment itself: its members are operators, its provider keys serve whoever has none. Its id is a constant
-- of the program too (`TenantId::PLATFORM`).
create function app.platform_tenant() returns uuid
    language sql
    immutable
    parallel safe
    set search_path = ''
as $$ select '00000000-0000-7000-8000-000000000000'::uuid $$;

-- Names the person for the rest of the transaction, as app.set_tenant does the tenant.
create function app.set_person(person uuid) returns void
    language plpgsql
    set search_path = ''
as $$
begin
    if person is null then
        raise exception 'the person must not be null' using errcode = 'insufficient_privilege';
    end if;
    perform pg_catalog.set_config('app.person_id', person::text, true);
end
$$;

-- The person of this transaction. None is an error and never "everybody".
create function app.person_id() returns uuid
    language plpgsql
    stable
    parallel safe
    set search_path = ''
as $$
declare
    person text := pg_catalog.current_setting('app.person_id', true);
begin
    if person is null or person = '' then
        raise exception 'no person is set' using errcode = 'insufficient_privilege';
    end if;
    return person::uuid;
end
$$;

-- Where a role stands: a key's maker may give what is its own or below.
create function app.role_rank(role text) returns integer
    language sql
    immutable
    strict
    set search_path = ''
as $$
    select case role when 'operator' then 5 when 'owner' then 4 when 'admin' then 3 when 'member' then 2 when 'viewer' then 1 end
$$;

revoke all on function app.platform_tenant(), app.set_person(uuid), app.person_id(), app.role_rank(text) from public;
grant execute on function app.set_person(uuid), app.person_id() to supergate_people;
-- For the check of a key's rights, which runs as who writes the key.
grant execute on function app.role_rank(text) to supergate_office;

-- Tenants ------------------------------------------------------------------------------------------------------------

alter table tenants
    add column tier text not null default 'free'
        check (tier in ('free', 'pro', 'enterprise', 'enterprise-independent')),
    -- Null: every model, every provider.
    add column allowed_models text[] check (cardinality(allowed_models) <= 1000),
    add column allowed_providers text[] check (cardinality(allowed_providers) <= 20),
    -- Whether prompts and answers of this tenant may be cached.
    add column cache_prompts boolean not null default true,
    add column updated_at timestamptz not null default now(),
    drop constraint tenants_status_check,
    -- A tenant that is being deleted serves nobody; what is left of it is rows without readable secrets.
    add constraint tenants_status_check check (status in ('active', 'suspended', 'deleting'));

alter policy tenant_isolation on tenants to supergate_office, supergate_people, supergate_owner;

grant select, insert on tenants to supergate_office;
grant update (name, status, tier, allowed_models, allowed_providers, cache_prompts, updated_at) on tenants to supergate_office;
-- Who registers names a tenant, and nothing else of it.
grant select (id, name), insert (id, name) on tenants to supergate_people;

-- People -------------------------------------------------------------------------------------------------------------

create table people (
    id uuid primary key,
    -- As it is compared: lower case, NFKC. Plain ASCII only, so that no two addresses look alike.
    email text not null unique check (email = lower(email) and email ~ '^[\x21-\x7e]{3,254}$'),
    name text not null check (length(name) between 1 and 200),
    -- PHC string of argon2id. Null: this person signs in elsewhere only.
    password_hash text check (password_hash like '$argon2id$%'),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

alter table people enable row level security;
alter table people force row level security;
create policy own_account on people to supergate_people
    using (id = app.person_id()) with check (id = app.person_id());
grant select, insert on people to supergate_people;
grant update (name, password_hash, updated_at) on people to supergate_people;

create table members (
    tenant_id uuid not null references tenants (id),
    person_id uuid not null references people (id),
    role text not null check (role in ('operator', 'owner', 'admin', 'member', 'viewer')),
    created_at timestamptz not null default now(),
    primary key (tenant_id, person_id),
    -- Operators are members of the platform and of nobody else.
    check (role <> 'operator' or tenant_id = '00000000-0000-7000-8000-000000000000')
);
create index members_by_person on members (person_id);

alter table members enable row level security;
alter table members force row level security;
create policy tenant_isolation on members to supergate_office, supergate_people, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
grant select, delete on members to supergate_office;
grant update (role) on members to supergate_office;
grant insert on members to supergate_people;

-- An administrator sees who the members of the own tenant are, and of an account only what is shown.
create policy fellow_members on people for select to supergate_office
    using (exists (select from members m where m.person_id = people.id and m.tenant_id = app.tenant_id()));
grant select (id, email, name) on people to supergate_office;

-- Asks somebody to join. The token is shown to the administrator once; whoever has it and the address joins.
create table invitations (
    id uuid primary key,
    tenant_id uuid not null references tenants (id),
    email text not null check (email = lower(email) and email ~ '^[\x21-\x7e]{3,254}$'),
    role text not null check (role in ('owner', 'admin', 'member', 'viewer', 'operator')),
    -- SHA-256 of the token's 256 random bits.
    hash bytea not null check (length(hash) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    unique (tenant_id, email),
    check (role <> 'operator' or tenant_id = '00000000-0000-7000-8000-000000000000')
);

alter table invitations enable row level security;
alter table invitations force row level security;
create policy tenant_isolation on invitations to supergate_office, supergate_people, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
grant select (id, tenant_id, email, role, created_at, expires_at), insert, delete on invitations to supergate_office;
grant select (id, tenant_id), delete on invitations to supergate_people;

-- A session is a family of refresh tokens, of which each is used once. A token that is used twice ends the family.
create table refresh_tokens (
    id uuid primary key,
    person_id uuid not null references people (id),
    family uuid not null,
    -- The tenant that the session acts for; null for a member of none. A person's row, not a tenant's: whether the membership still
    -- stands is asked at every use.
    acts_for uuid,
    hash bytea not null check (length(hash) = 32),
    created_at timestamptz not null default now(),
    expires_at timestamptz not null,
    used_at timestamptz
);
create index refresh_tokens_by_family on refresh_tokens (person_id, family);
create index refresh_tokens_by_expiry on refresh_tokens (expires_at);

alter table refresh_tokens enable row level security;
alter table refresh_tokens force row level security;
create policy own_sessions on refresh_tokens to supergate_people
    using (person_id = app.person_id()) with check (person_id = app.person_id());
-- The hashes are written and never read: only the look-up's role gives one.
grant select (id, person_id, family, acts_for, created_at, expires_at, used_at), insert, delete on refresh_tokens to supergate_people;
grant update (used_at) on refresh_tokens to supergate_people;

-- Keys ---------------------------------------------------------------------------------------------------------------

alter table api_keys
    -- Null: whatever the tenant may use.
    add column models text[] check (cardinality(models) <= 1000),
    add column tags text[] not null default '{}' check (cardinality(tags) <= 50),
    add column requests_per_minute integer check (requests_per_minute > 0),
    add column tokens_per_minute bigint check (tokens_per_minute > 0),
    add column concurrency integer check (concurrency > 0),
    -- The last characters of the checksum, by which people tell keys apart. They say nothing about the secret.
    add column ends_with text not null default '' check (length(ends_with) <= 8),
    add column last_used_at timestamptz,
    add column updated_at timestamptz not null default now(),
    -- Who gave it its rights, and with which role; all null where the deployment did. A person whom an identity provider vouches for has no row here.
    add column granted_by_key uuid,
    add column granted_by_person uuid,
    add column granted_by_role text,
    -- After a rotation the secret before it still works for a while.
    add column previous_hash bytea check (length(previous_hash) = 32),
    add column previous_pepper_version smallint,
    add column previous_until timestamptz,
    -- Not valid: there is nothing to check yet, and nobody may look at every tenant's rows to check it.
    add foreign key (tenant_id, granted_by_key) references api_keys (tenant_id, id) not valid,
    add check ((previous_hash is null) = (previous_until is null) and (previous_hash is null) = (previous_pepper_version is null)),
    drop constraint api_keys_role_check,
    add constraint api_keys_role_check check (role in ('operator', 'owner', 'admin', 'member', 'viewer')),
    add check (role <> 'operator' or tenant_id = '00000000-0000-7000-8000-000000000000');

alter policy tenant_isolation on api_keys to supergate_app, supergate_office, supergate_owner;

-- The hashes are written and never read: only the look-up's role compares them.
grant select (id, tenant_id, name, role, pepper_version, created_at, expires_at, revoked_at, models, tags, requests_per_minute,
              tokens_per_minute, concurrency, ends_with, last_used_at, updated_at, granted_by_key, granted_by_person, granted_by_role, previous_until)
    on api_keys to supergate_office;
grant insert on api_keys to supergate_office;
grant update (name, role, hash, pepper_version, expires_at, revoked_at, models, tags, requests_per_minute, tokens_per_minute,
              granted_by_key, granted_by_person, granted_by_role,
              concurrency, ends_with, last_used_at, updated_at, previous_until)
    on api_keys to supergate_office;
-- What a request needs of both, the look-up gives.
revoke select on tenants, api_keys from supergate_app;
grant select (id, tenant_id, last_used_at), update (last_used_at) on api_keys to supergate_app;

-- A child's rights are a subset of its maker's. The program checks it and says what is wrong; this checks it again, so that a fault in
-- the program makes an error and not an administrator. A new secret counts too: who gets it has what the key may do.
create function app.check_key_rights() returns trigger
    language plpgsql
    set search_path = ''
as $$
declare
    maker_role text;
    maker_models text[];
    maker_tags text[];
    maker_expires timestamptz;
    maker_requests integer;
    maker_tokens bigint;
    maker_concurrency integer;
begin
    if new.granted_by_key is not null then
        select k.role, k.models, k.tags, k.expires_at, k.requests_per_minute, k.tokens_per_minute, k.concurrency
        into maker_role, maker_models, maker_tags, maker_expires, maker_requests, maker_tokens, maker_concurrency
        from public.api_keys k where k.tenant_id = new.tenant_id and k.id = new.granted_by_key and k.revoked_at is null;
    elsif new.granted_by_person is not null and substr(new.granted_by_person::text, 15, 1) = '5' then
        -- A UUID version 5 is somebody whom an identity provider vouches for: only the program knows as what. Accounts have version 7, and
        -- whoever has one and is no member any more makes nothing.
        maker_role := new.granted_by_role;
    elsif new.granted_by_person is not null then
        select m.role into maker_role from public.members m
        where m.tenant_id = new.tenant_id and m.person_id = new.granted_by_person;
    elsif current_user <> 'supergate_office' then
        return new; -- the deployment itself, by hand
    elsif tg_op = 'INSERT' and not exists (select from public.api_keys k where k.tenant_id = new.tenant_id)
        and not exists (select from public.members m where m.tenant_id = new.tenant_id)
    then
        return new; -- the first key of a new tenant, which an operator founds
    end if;
    if app.role_rank(maker_role) is null then
        raise exception 'a key needs a maker' using errcode = 'insufficient_privilege', constraint = 'key_rights';
    end if;
    if app.role_rank(new.role) > app.role_rank(maker_role) then
        raise exception 'a key may not have more rights than its maker' using errcode = 'insufficient_privilege', constraint = 'key_rights';
    end if;
    if maker_models is not null and (new.models is null or exists (
        select from unnest(new.models) as name
        where name <> all (maker_models) and split_part(name, '/', 1) || '/*' <> all (maker_models)
    )) then
        raise exception 'a key may not use more models than its maker' using errcode = 'insufficient_privilege', constraint = 'key_rights';
    end if;
    if not (maker_tags <@ new.tags) then
        raise exception 'a key may not lack a tag of its maker' using errcode = 'insufficient_privilege', constraint = 'key_rights';
    end if;
    if maker_expires is not null and (new.expires_at is null or new.expires_at > maker_expires) then
        raise exception 'a key may not outlive its maker' using errcode = 'insufficient_privilege', constraint = 'key_rights';
    end if;
    if coalesce(new.requests_per_minute, 2147483647) > maker_requests
        or coalesce(new.tokens_per_minute, 9223372036854775807) > maker_tokens
        or coalesce(new.concurrency, 2147483647) > maker_concurrency
    then
        raise exception 'a key may not have higher limits than its maker' using errcode = 'insufficient_privilege', constraint = 'key_rights';
    end if;
    return new;
end
$$;
revoke all on function app.check_key_rights() from public;
create trigger key_rights
    before insert or update of role, hash, models, tags, expires_at, requests_per_minute, tokens_per_minute, concurrency, granted_by_key,
        granted_by_person, granted_by_role
    on api_keys for each row execute function app.check_key_rights();

-- Moves a secret that is being replaced aside for as long as it still works. Here, because nobody who writes a hash may read one.
create function app.keep_previous_secret() returns trigger
    language plpgsql
    set search_path = ''
as $$
begin
    if new.previous_until is null then
        new.previous_hash := null;
        new.previous_pepper_version := null;
    elsif new.hash <> old.hash then
        new.previous_hash := old.hash;
        new.previous_pepper_version := old.pepper_version;
    end if;
    return new;
end
$$;
revoke all on function app.keep_previous_secret() from public;
create trigger previous_secret before update of hash, previous_until on api_keys
    for each row execute function app.keep_previous_secret();

-- Who calls with a token of a person has no key.
alter table usage_events
    alter column key_id drop not null,
    add column person_id uuid,
    add check (key_id is not null or person_id is not null);
-- Enough to append an event once; nobody who serves requests reads the ledger.
revoke select on usage_events from supergate_app;
grant select (tenant_id, request_id, attempt) on usage_events to supergate_app;

-- The end of a tenant ------------------------------------------------------------------------------------------------

-- Deletes what is left of the transaction's tenant, at most so many rows of the ledger at a time, and says how many of those are left.
-- With its owner's rights, because the ledger is append-only for everybody; FORCE row level security keeps even the owner to this tenant.
create function app.erase_tenant(most integer) returns bigint
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
        delete from public.members where tenant_id = app.tenant_id();
        delete from public.api_keys where tenant_id = app.tenant_id();
        delete from public.tenants where id = app.tenant_id();
    end if;
    return remaining;
end
$$;
revoke all on function app.erase_tenant(integer) from public;
-- Who rotates finishes what was interrupted.
grant execute on function app.erase_tenant(integer) to supergate_office, supergate_rotation;

-- Audit --------------------------------------------------------------------------------------------------------------

create table audit_events (
    tenant_id uuid not null,
    -- UUID version 7: its order is the order of events.
    id uuid not null,
    at timestamptz not null,
    -- `key_…` or `usr_…`, or `deployment` for what was done by hand.
    actor text not null check (length(actor) between 1 and 400),
    action text not null check (action ~ '^[a-z_]+\.[a-z_]+$'),
    -- The id of what was acted on.
    target text not null check (length(target) <= 400),
    -- The address that API Gateway saw.
    address text check (length(address) <= 64),
    request_id uuid,
    before jsonb,
    after jsonb,
    primary key (tenant_id, id)
);
comment on table audit_events is 'No foreign key to tenants: it outlives the tenant it tells of.';

alter table audit_events enable row level security;
alter table audit_events force row level security;
create policy tenant_isolation on audit_events to supergate_office, supergate_people, supergate_rotation
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
-- Append-only: nobody is granted more.
grant select, insert on audit_events to supergate_office;
grant insert on audit_events to supergate_people, supergate_rotation;

reset role;
