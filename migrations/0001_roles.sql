-- Who may do what in the database: one role owns everything, one serves requests and owns nothing, one only looks keys up.
--
-- Roles belong to the cluster, not to the database, so each is made only where it is missing. None of them is a superuser or
-- BYPASSRLS, and none has a password: on AWS the functions sign in with IAM tokens, locally the socket is trusted.

do $$
begin
    if not exists (select from pg_roles where rolname = 'supergate_owner') then
        create role supergate_owner nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'supergate_auth') then
        create role supergate_auth nologin;
    end if;
    if not exists (select from pg_roles where rolname = 'supergate_app') then
        create role supergate_app login;
    end if;
    if exists (select from pg_roles where rolname = 'rds_iam') then
        grant rds_iam to supergate_app;
    end if;
exception
    -- Another database of this cluster is being migrated at the same moment and made the role first.
    when duplicate_object or unique_violation then null;
end
$$;

-- Whoever migrates acts as the owner from here on. (A superuser could without; the master user of RDS is none.)
grant supergate_owner, supergate_auth to current_user with inherit true, set true;

create schema app authorization supergate_owner;
grant usage on schema app to supergate_app, supergate_auth;
grant usage, create on schema public to supergate_owner;
revoke create on schema public from public;
-- Nobody needs temporary tables, and what cannot be made cannot be misused.
do $$
begin
    execute format('revoke temporary on database %I from public', current_database());
end
$$;

set role supergate_owner;

-- Names the tenant for the rest of the transaction. `true` makes it transaction-local: it cannot leak to the next user of a pooled
-- connection, and a proxy does not have to pin the session.
create function app.set_tenant(tenant uuid) returns void
    language plpgsql
    set search_path = ''
as $$
begin
    if tenant is null then
        raise exception 'the tenant must not be null' using errcode = 'insufficient_privilege';
    end if;
    perform pg_catalog.set_config('app.tenant_id', tenant::text, true);
end
$$;

-- The tenant of this transaction. No tenant is an error and never "all rows".
create function app.tenant_id() returns uuid
    language plpgsql
    stable
    parallel safe
    set search_path = ''
as $$
declare
    tenant text := pg_catalog.current_setting('app.tenant_id', true);
begin
    if tenant is null or tenant = '' then
        raise exception 'no tenant is set' using errcode = 'insufficient_privilege';
    end if;
    return tenant::uuid;
end
$$;

revoke all on function app.set_tenant(uuid), app.tenant_id() from public;
grant execute on function app.set_tenant(uuid), app.tenant_id() to supergate_app;

reset role;
