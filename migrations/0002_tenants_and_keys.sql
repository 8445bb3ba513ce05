-- Tenants and their API keys, and the one look-up that happens before a tenant is known.

set role supergate_owner;

create table tenants (
    id uuid primary key,
    name text not null check (length(name) between 1 and 200),
    status text not null default 'active' check (status in ('active', 'suspended')),
    created_at timestamptz not null default now()
);

create table api_keys (
    id uuid primary key,
    tenant_id uuid not null references tenants (id),
    name text not null check (length(name) between 1 and 200),
    role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
    -- HMAC-SHA-256 of the whole key under the pepper of that version. The key itself is nowhere.
    hash bytea not null check (length(hash) = 32),
    pepper_version smallint not null default 1,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    -- What a foreign key from another tenant's table points at.
    unique (tenant_id, id)
);

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenant_isolation on tenants to supergate_app, supergate_owner
    using (id = app.tenant_id()) with check (id = app.tenant_id());

alter table api_keys enable row level security;
alter table api_keys force row level security;
create policy tenant_isolation on api_keys to supergate_app, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());

grant select on tenants, api_keys to supergate_app;

-- The look-up's role reads what it needs, across tenants. Nobody can sign in as it, and only who migrates can become it; requests use it
-- through the function below.
create policy key_lookup on tenants for select to supergate_auth using (true);
create policy key_lookup on api_keys for select to supergate_auth using (true);
grant select (id, status) on tenants to supergate_auth;
grant select (id, tenant_id, role, hash, pepper_version, expires_at, revoked_at) on api_keys to supergate_auth;

reset role;
grant create on schema app to supergate_auth;
set role supergate_auth;

-- Turns a key's id into what is needed to check the key. The caller compares the hash in constant time; the id alone proves nothing.
create function app.find_api_key(key_id uuid)
    returns table (tenant_id uuid, tenant_status text, role text, hash bytea, pepper_version smallint, expires_at timestamptz, revoked boolean)
    language sql
    stable
    security definer
    set search_path = ''
as $$
    select k.tenant_id, t.status, k.role, k.hash, k.pepper_version, k.expires_at, k.revoked_at is not null
    from public.api_keys k join public.tenants t on t.id = k.tenant_id
    where k.id = key_id
$$;

revoke all on function app.find_api_key(uuid) from public;
grant execute on function app.find_api_key(uuid) to supergate_app;

reset role;
revoke create on schema app from supergate_auth;
