//! What the catalogue must look like. Each law is a query that names the offenders, beside a breach that it must notice.

/// A law, the query that names who breaks it, a statement that breaks it.
#[rustfmt::skip]
pub const LAWS: &[(&str, &str, &str)] = &[
    ("every table with tenants' data has ENABLE and FORCE row level security",
     "select relname from tenant_tables where not (relrowsecurity and relforcerowsecurity)",
     "create table things (tenant_id uuid not null); alter table things enable row level security"),
    ("every partition has them of its own: a parent's policies do not hold for who names the partition",
     "select relname from tenant_tables where not (relrowsecurity and relforcerowsecurity)",
     "create table usage_events_rest partition of usage_events
          for values from ('ffffffff-0000-0000-0000-000000000000') to ('ffffffff-0001-0000-0000-000000000000');
      alter table usage_events_rest force row level security"),
    ("every table with tenants' data has one policy for all verbs, of the role and the owner, with USING and WITH CHECK",
     "select t.relname from tenant_tables t where not exists (
          select from pg_policy p where p.polrelid = t.oid and p.polcmd = '*' and p.polpermissive
          and p.polqual is not null and p.polwithcheck is not null
          and array['supergate_app'::regrole::oid, 'supergate_owner'::regrole::oid] <@ p.polroles)",
     "drop policy tenant_isolation on api_keys;
      create policy tenant_isolation on api_keys to supergate_app, supergate_owner using (tenant_id = app.tenant_id())"),
    ("a policy compares the row's tenant with the transaction's, or is the look-up's",
     "select t.relname || '.' || p.polname from tenant_tables t join pg_policy p on p.polrelid = t.oid
      cross join lateral (select case t.relname when 'tenants' then '(id = app.tenant_id())' else '(tenant_id = app.tenant_id())' end) as own(rule)
      where p.polroles <> array['supergate_auth'::regrole::oid]
        and (pg_get_expr(p.polqual, p.polrelid) <> own.rule or pg_get_expr(p.polwithcheck, p.polrelid) <> own.rule)",
     "create policy support on api_keys using (true) with check (tenant_id = app.tenant_id())"),
    ("the look-up's role reads and never writes",
     "select t.relname from tenant_tables t join pg_policy p on p.polrelid = t.oid
      where 'supergate_auth'::regrole = any(p.polroles) and p.polcmd <> 'r'
      union all select relname from tenant_tables
      where has_any_column_privilege('supergate_auth', oid, 'insert, update') or has_table_privilege('supergate_auth', oid, 'delete')",
     "grant update (role) on api_keys to supergate_auth"),
    ("a foreign key between tables with a tenant_id carries it on both sides",
     "select k.conrelid::regclass || '.' || k.conname from pg_constraint k
      join pg_attribute theirs on theirs.attrelid = k.confrelid and theirs.attname = 'tenant_id'
      left join pg_attribute ours on ours.attrelid = k.conrelid and ours.attname = 'tenant_id'
      where k.contype = 'f' and not exists (
          select from unnest(k.conkey, k.confkey) as pair(our, their) where pair.our = ours.attnum and pair.their = theirs.attnum)",
     "create table things (tenant_id uuid, key_id uuid references api_keys (id))"),
    ("who refers to a tenant does so with its tenant_id",
     "select k.conrelid::regclass || '.' || k.conname from pg_constraint k
      join pg_attribute a on a.attrelid = k.conrelid and k.conkey = array[a.attnum]
      where k.contype = 'f' and k.confrelid = 'public.tenants'::regclass and a.attname <> 'tenant_id'",
     "create table things (id uuid references tenants (id))"),
    ("the functions' role owns nothing",
     "select classid::regclass || ' ' || objid from pg_shdepend
      where refobjid = 'supergate_app'::regrole and deptype = 'o'
        and dbid in (0, (select oid from pg_database where datname = current_database()))",
     "alter table api_keys owner to supergate_app"),
    ("none of the roles is a superuser, passes by policies, makes roles or databases, or replicates",
     "select rolname from pg_roles where rolname like 'supergate%'
      and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
     "alter role supergate_auth bypassrls"),
    ("only the functions' role can sign in",
     "select rolname from pg_roles where rolname like 'supergate%' and rolcanlogin and rolname <> 'supergate_app'",
     "alter role supergate_owner login"),
    ("the functions' role is a member of no other, but for RDS's right to sign in",
     "select roleid::regrole::text from pg_auth_members where member = 'supergate_app'::regrole and roleid::regrole::text <> 'rds_iam'",
     "grant supergate_auth to supergate_app"),
    ("the functions' role is granted nothing on a partition",
     "select relname from tenant_tables where relispartition and has_any_column_privilege('supergate_app', oid, 'select, insert, update')",
     "grant select on all tables in schema public to supergate_app"),
    ("everyone is granted nothing on a table",
     "select relname from tenant_tables cross join lateral aclexplode(relacl) where grantee = 0",
     "grant select on api_keys to public"),
    ("the functions' role can make nothing that lasts",
     "select nspname from pg_namespace where nspname !~ '^pg_' and has_schema_privilege('supergate_app', oid, 'create')
      union all select datname from pg_database where datname = current_database() and has_database_privilege('supergate_app', oid, 'create')",
     "grant create on schema app to public"),
    ("app.find_api_key is the only function with its owner's rights, and its owner is the look-up's role",
     "select proname from our_functions where prosecdef
      and not (oid = 'app.find_api_key(uuid)'::regprocedure and proowner = 'supergate_auth'::regrole)",
     "alter function app.find_api_key(uuid) owner to supergate_owner"),
    ("no other function has its owner's rights",
     "select proname from our_functions where prosecdef and oid <> 'app.find_api_key(uuid)'::regprocedure",
     "create function app.everything() returns setof tenants language sql security definer set search_path = '' as 'select * from public.tenants'"),
    ("every function looks names up nowhere but where it says",
     "select proname from our_functions where proconfig is distinct from array['search_path=\"\"']",
     "alter function app.find_api_key(uuid) reset search_path"),
    ("everyone may execute no function of ours",
     "select proname from our_functions cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0",
     "create function app.careless() returns int language sql set search_path = '' return 1"),
    ("the functions' role may execute three functions",
     "select proname from our_functions where has_function_privilege('supergate_app', oid, 'execute')
      and proname not in ('set_tenant', 'tenant_id', 'find_api_key')",
     "grant execute on function app.create_usage_partition(date) to supergate_app"),
    ("there is no view of tenants' data, which would read it with its owner's rights",
     "select relname from pg_class where relkind in ('v', 'm') and relnamespace in ('public'::regnamespace, 'app'::regnamespace)",
     "create view app.keys as select * from api_keys"),
];

/// What the laws are about: any schema that is ours, partitions too.
pub const DEFINITIONS: &str = "
    create temporary view tenant_tables as
        select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relacl from pg_class c
        where c.relkind in ('r', 'p', 'f', 'm') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
          and (c.oid = 'public.tenants'::regclass
               or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped));
    create temporary view our_functions as
        select p.* from pg_proc p where p.pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')";
