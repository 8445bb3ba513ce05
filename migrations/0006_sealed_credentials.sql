-- Providers' keys, sealed: one data key each, wrapped by KMS; what is stored opens only as the same tenant's, provider's and credential's.

set role supergate_owner;

create table provider_credentials (
    tenant_id uuid not null references tenants (id),
    id uuid not null,
    provider text not null check (provider ~ '^[a-z0-9-]{1,40}$'),
    -- Which form the envelope has: it is part of what the seal covers.
    envelope_version smallint not null check (envelope_version > 0),
    -- The data key as KMS wrapped it, and under which KMS key.
    wrapped_key bytea not null check (length(wrapped_key) between 1 and 6144),
    kms_key_id text not null check (length(kms_key_id) between 1 and 2048),
    nonce bytea not null check (length(nonce) = 12),
    ciphertext bytea not null check (length(ciphertext) between 17 and 8192),
    last_four text not null check (length(last_four) <= 4),
    created_at timestamptz not null default now(),
    -- When the envelope was last sealed anew, by a new wrapping or a new data key.
    sealed_at timestamptz not null default now(),
    last_used_at timestamptz,
    primary key (tenant_id, id),
    -- One of each provider: a new one replaces the old.
    unique (tenant_id, provider)
);

alter table provider_credentials enable row level security;
alter table provider_credentials force row level security;
create policy tenant_isolation on provider_credentials to supergate_app, supergate_office, supergate_rotation, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());

-- Who stores cannot read what was stored; who serves can read and not write.
grant select (tenant_id, id, provider, envelope_version, kms_key_id, last_four, created_at, sealed_at, last_used_at),
      insert, delete on provider_credentials to supergate_office;
grant select, update (last_used_at) on provider_credentials to supergate_app;
grant select, update (envelope_version, wrapped_key, kms_key_id, nonce, ciphertext, sealed_at) on provider_credentials to supergate_rotation;

-- The look-ups that happen before a tenant is known. Their role reads what they need, across tenants; nobody signs in as it.
create policy look_up on provider_credentials for select to supergate_auth using (true);
create policy look_up on members for select to supergate_auth using (true);
create policy look_up on people for select to supergate_auth using (true);
create policy look_up on invitations for select to supergate_auth using (true);
create policy look_up on refresh_tokens for select to supergate_auth using (true);
grant select (tenant_id, id, provider, sealed_at) on provider_credentials to supergate_auth;
grant select on members to supergate_auth;
grant select (id, tenant_id, email, role, hash, expires_at) on invitations to supergate_auth;
grant select (id, person_id, family, acts_for, hash, expires_at, used_at) on refresh_tokens to supergate_auth;
grant select (id, email, name, password_hash) on people to supergate_auth;
grant select (id, name, status, tier, allowed_models, allowed_providers, cache_prompts, updated_at) on tenants to supergate_auth;
grant select (id, tenant_id, role, hash, pepper_version, expires_at, revoked_at, models, tags, requests_per_minute, tokens_per_minute,
              concurrency, previous_hash, previous_pepper_version, previous_until)
    on api_keys to supergate_auth;
grant execute on function app.platform_tenant() to supergate_auth;

reset role;
drop function app.find_api_key(uuid);
grant create on schema app to supergate_auth;
set role supergate_auth;

-- What a tenant's caller may use: its standing, and which credential serves which provider. Its own come before the platform's, which an
-- independent tenant never gets. Not callable by itself: it is part of the look-ups below.
create function app.standing(tenant uuid)
    returns table (status text, tier text, allowed_models text[], allowed_providers text[], cache_prompts boolean, credentials jsonb)
    language sql
    stable
    set search_path = ''
as $$
    select t.status, t.tier, t.allowed_models, t.allowed_providers, t.cache_prompts, (
        select coalesce(jsonb_object_agg(c.provider, jsonb_build_array(c.tenant_id, c.id) order by c.tenant_id = tenant), '{}')
        from public.provider_credentials c
        where c.tenant_id = tenant or (c.tenant_id = app.platform_tenant() and t.tier <> 'enterprise-independent')
    )
    from public.tenants t where t.id = tenant
$$;

-- Turns a key's id into what is needed to check the key, and to serve whoever has it. The caller compares the hash in constant time; the
-- id alone proves nothing.
create function app.find_api_key(key_id uuid)
    returns table (
        tenant_id uuid, role text, hash bytea, pepper_version smallint, previous_hash bytea, previous_pepper_version smallint,
        previous_until timestamptz, expires_at timestamptz, revoked boolean, models text[], tags text[], requests_per_minute integer,
        tokens_per_minute bigint, concurrency integer,
        status text, tier text, allowed_models text[], allowed_providers text[], cache_prompts boolean, credentials jsonb)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select k.tenant_id, k.role, k.hash, k.pepper_version, k.previous_hash, k.previous_pepper_version, k.previous_until, k.expires_at,
        k.revoked_at is not null, k.models, k.tags, k.requests_per_minute, k.tokens_per_minute, k.concurrency,
        s.status, s.tier, s.allowed_models, s.allowed_providers, s.cache_prompts, s.credentials
    from public.api_keys k cross join lateral app.standing(k.tenant_id) s
    where k.id = key_id
$$;

-- Of a person whose token was checked: what the membership in a tenant gives, while the session goes on that the token came from. What ends
-- a session deletes its refresh tokens.
create function app.find_member(tenant uuid, person uuid, session uuid)
    returns table (
        role text, status text, tier text, allowed_models text[], allowed_providers text[], cache_prompts boolean, credentials jsonb)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select m.role, s.status, s.tier, s.allowed_models, s.allowed_providers, s.cache_prompts, s.credentials
    from public.members m cross join lateral app.standing(m.tenant_id) s
    where m.tenant_id = tenant and m.person_id = person
        and exists (select from public.refresh_tokens r where r.person_id = person and r.family = session and r.used_at is null)
$$;

-- Of a caller whom an identity provider vouches for: there is no membership, the token names tenant and role.
create function app.find_tenant(tenant uuid)
    returns table (status text, tier text, allowed_models text[], allowed_providers text[], cache_prompts boolean, credentials jsonb)
    language sql
    stable
    security definer
    set search_path = ''
as $$ select * from app.standing(tenant) $$;

-- Whose address it is, and the hash that the password must fit.
create function app.find_person(address text)
    returns table (id uuid, name text, password_hash text)
    language sql
    stable
    security definer
    set search_path = ''
as $$ select p.id, p.name, p.password_hash from public.people p where p.email = address $$;

-- The tenants that a person is a member of.
create function app.find_memberships(person uuid)
    returns table (tenant_id uuid, name text, role text, status text)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select m.tenant_id, t.name, m.role, t.status from public.members m join public.tenants t on t.id = m.tenant_id
    where m.person_id = person order by m.created_at, m.tenant_id
$$;

-- Whose session a refresh token belongs to.
create function app.find_refresh_token(token uuid)
    returns table (person_id uuid, family uuid, acts_for uuid, hash bytea, expires_at timestamptz, used boolean)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select r.person_id, r.family, r.acts_for, r.hash, r.expires_at, r.used_at is not null
    from public.refresh_tokens r where r.id = token
$$;

-- Whom an invitation asks, to what.
create function app.find_invitation(invitation uuid)
    returns table (tenant_id uuid, email text, role text, hash bytea, expires_at timestamptz)
    language sql
    stable
    security definer
    set search_path = ''
as $$ select i.tenant_id, i.email, i.role, i.hash, i.expires_at from public.invitations i where i.id = invitation $$;

-- The next credentials that were last sealed before a moment, in the order of their ids, so that a rotation can go on where it was killed.
create function app.credentials_sealed_before(moment timestamptz, after uuid, most integer)
    returns table (tenant_id uuid, id uuid)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select c.tenant_id, c.id from public.provider_credentials c
    where c.sealed_at < moment and c.id > after order by c.id limit most
$$;

-- Tenants whose deletion began before a moment and that are still there: somebody must go on with it.
create function app.find_unfinished_deletions(moment timestamptz, most integer)
    returns table (tenant_id uuid)
    language sql
    stable
    security definer
    set search_path = ''
as $$ select t.id from public.tenants t where t.status = 'deleting' and t.updated_at < moment order by t.updated_at limit most $$;

revoke all on function app.standing(uuid), app.find_api_key(uuid), app.find_member(uuid, uuid, uuid), app.find_tenant(uuid),
    app.find_person(text), app.find_memberships(uuid), app.find_refresh_token(uuid), app.find_invitation(uuid),
    app.credentials_sealed_before(timestamptz, uuid, integer), app.find_unfinished_deletions(timestamptz, integer) from public;
grant execute on function app.find_api_key(uuid), app.find_member(uuid, uuid, uuid), app.find_tenant(uuid)
    to supergate_app, supergate_office, supergate_people;
grant execute on function app.find_person(text), app.find_memberships(uuid), app.find_refresh_token(uuid), app.find_invitation(uuid)
    to supergate_people;
grant execute on function app.credentials_sealed_before(timestamptz, uuid, integer), app.find_unfinished_deletions(timestamptz, integer)
    to supergate_rotation;

reset role;
revoke create on schema app from supergate_auth;
-- The platform itself. Made by who migrates, before anybody signs in.
set role supergate_owner;
select app.set_tenant(app.platform_tenant());
insert into tenants (id, name, tier) values (app.platform_tenant(), 'platform', 'enterprise');
reset role;
