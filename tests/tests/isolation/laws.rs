//! What the catalogue must look like. Each law is a query that names the offenders, beside a breach that it must notice.

/// A law, the query that names who breaks it, a statement that breaks it.
#[rustfmt::skip]
pub const LAWS: &[(&str, &str, &str)] = &[
    ("every table is a tenant's, a person's, or the list of migrations",
     "select relname from pg_class where relkind in ('r', 'p', 'f') and relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
      and relname <> 'refinery_schema_history' and oid not in (select oid from owned_tables)",
     "create table things (id uuid)"),
    ("every table with somebody's data has ENABLE and FORCE row level security",
     "select relname from owned_tables where not (relrowsecurity and relforcerowsecurity)",
     "create table things (tenant_id uuid not null); alter table things enable row level security"),
    ("every partition has them of its own: a parent's policies do not hold for who names the partition",
     "select relname from owned_tables where not (relrowsecurity and relforcerowsecurity)",
     "create table usage_events_rest partition of usage_events
          for values from ('ffffffff-0000-0000-0000-000000000000') to ('ffffffff-0001-0000-0000-000000000000');
      alter table usage_events_rest force row level security"),
    ("every table with somebody's data has one policy for all verbs, with USING and WITH CHECK",
     "select t.relname from owned_tables t where 1 <> (
          select count(*) from pg_policy p where p.polrelid = t.oid and p.polcmd = '*' and p.polpermissive
          and p.polqual is not null and p.polwithcheck is not null)",
     "drop policy tenant_isolation on api_keys;
      create policy tenant_isolation on api_keys to supergate_app, supergate_owner using (tenant_id = app.tenant_id())"),
    ("a policy compares the row's tenant or person with the transaction's, or is a look-up's, shows fellow members, or what has expired",
     "select t.relname || '.' || p.polname from owned_tables t join pg_policy p on p.polrelid = t.oid
      where p.polroles <> array['supergate_auth'::regrole::oid] and p.polname not in ('fellow_members', 'expired', 'expired_end')
        and (pg_get_expr(p.polqual, p.polrelid) <> t.rule or pg_get_expr(p.polwithcheck, p.polrelid) <> t.rule)",
     "create policy support on api_keys using (true) with check (tenant_id = app.tenant_id())"),
    ("fellow members are shown to administrators and never written",
     "select p.polrelid::regclass::text from pg_policy p where p.polname = 'fellow_members' and not (p.polcmd = 'r'
          and p.polrelid = 'people'::regclass and p.polroles = array['supergate_office'::regrole::oid])",
     "create policy fellow_members on members using (true)"),
    ("what has expired is shown to the sweeper alone, which may end it",
     "select p.polrelid::regclass::text from pg_policy p where p.polname ~ '^expired' and not (p.polcmd in ('r', 'd')
          and pg_get_expr(p.polqual, p.polrelid) = '(expires_at < now())' and p.polroles = array['supergate_sweeper'::regrole::oid])",
     "create policy expired on api_keys for select to supergate_sweeper using (true)"),
    ("a policy is for roles and never for everyone",
     "select polrelid::regclass || '.' || polname from pg_policy where 0 = any(polroles)",
     "alter policy tenant_isolation on api_keys to public"),
    ("a policy names no role that has no grant on its table",
     "select t.relname || ' ' || role::regrole from owned_tables t join pg_policy p on p.polrelid = t.oid cross join unnest(p.polroles) as role
      where not t.relispartition and not has_any_column_privilege(role, t.oid, 'select, insert, update') and not has_table_privilege(role, t.oid, 'delete')",
     "alter policy tenant_isolation on audit_events to supergate_app, supergate_office, supergate_people, supergate_rotation"),
    ("and every role that has one",
     "select t.relname || ' ' || r.rolname from owned_tables t cross join pg_roles r
      where r.rolname like 'supergate%' and r.rolname <> 'supergate_owner'
        and (has_any_column_privilege(r.oid, t.oid, 'select, insert, update') or has_table_privilege(r.oid, t.oid, 'delete'))
        and not exists (select from pg_policy p where p.polrelid = t.oid and r.oid = any(p.polroles))",
     "grant select on refresh_tokens to supergate_office"),
    ("the look-up's role reads and never writes",
     "select t.relname from owned_tables t join pg_policy p on p.polrelid = t.oid
      where 'supergate_auth'::regrole = any(p.polroles) and p.polcmd <> 'r'
      union all select relname from owned_tables
      where has_any_column_privilege('supergate_auth', oid, 'insert, update') or has_table_privilege('supergate_auth', oid, 'delete')",
     "grant update (role) on api_keys to supergate_auth"),
    ("the audit is only appended to, and so is the ledger",
     "select t.relname || ' ' || r.rolname from owned_tables t cross join pg_roles r
      where t.relname in ('audit_events', 'usage_events') and r.rolname like 'supergate%' and r.rolname <> 'supergate_owner'
        and (has_any_column_privilege(r.oid, t.oid, 'update') or has_table_privilege(r.oid, t.oid, 'delete, truncate'))",
     "grant delete on audit_events to supergate_office"),
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
    ("who signs in owns nothing",
     "select classid::regclass || ' ' || objid from pg_shdepend join sign_in_roles r on r.oid = refobjid
      where deptype = 'o' and dbid in (0, (select oid from pg_database where datname = current_database()))",
     "alter table api_keys owner to supergate_app"),
    ("none of the roles is a superuser, passes by policies, makes roles or databases, or replicates",
     "select rolname from pg_roles where rolname like 'supergate%'
      and (rolsuper or rolbypassrls or rolcreaterole or rolcreatedb or rolreplication)",
     "alter role supergate_auth bypassrls"),
    ("a role for each group of functions can sign in, and no other",
     "select rolname from pg_roles where rolname like 'supergate%' and rolcanlogin <> (rolname in
          ('supergate_app', 'supergate_office', 'supergate_people', 'supergate_rotation', 'supergate_sweeper'))",
     "alter role supergate_owner login"),
    ("who signs in is a member of no other role, but for RDS's right to sign in",
     "select roleid::regrole::text from pg_auth_members join sign_in_roles r on r.oid = member where roleid::regrole::text <> 'rds_iam'",
     "grant supergate_auth to supergate_rotation"),
    ("who signs in is granted nothing on a partition",
     "select relname from owned_tables cross join sign_in_roles r
      where relispartition and has_any_column_privilege(r.oid, owned_tables.oid, 'select, insert, update')",
     "grant select on all tables in schema public to supergate_office"),
    ("everyone is granted nothing on a table",
     "select relname from owned_tables cross join lateral aclexplode(relacl) where grantee = 0",
     "grant select on api_keys to public"),
    ("who signs in can make nothing that lasts",
     "select nspname from pg_namespace cross join sign_in_roles r where nspname !~ '^pg_' and has_schema_privilege(r.oid, pg_namespace.oid, 'create')
      union all select datname from pg_database cross join sign_in_roles r
      where datname = current_database() and has_database_privilege(r.oid, pg_database.oid, 'create')",
     "grant create on schema app to public"),
    ("the look-ups have the rights of their own role, the end of a tenant and new partitions those of the owner, and no other function has its owner's",
     "select proname from our_functions where prosecdef and not case
          when proname in ('erase_tenant', 'prepare_usage_partitions') then proowner = 'supergate_owner'::regrole
          else proowner = 'supergate_auth'::regrole and (proname ~ '^find_' or proname = 'credentials_sealed_before') end",
     "alter function app.find_api_key(uuid) owner to supergate_owner"),
    ("so nothing else runs with its owner's rights",
     "select proname from our_functions where prosecdef and proowner = 'supergate_owner'::regrole and proname not in ('erase_tenant', 'prepare_usage_partitions')",
     "set local role supergate_owner;
      create function app.everything() returns setof tenants language sql security definer set search_path = '' as 'select * from public.tenants';
      reset role"),
    ("every function looks names up nowhere but where it says",
     "select proname from our_functions where proconfig is distinct from array['search_path=\"\"']",
     "alter function app.find_api_key(uuid) reset search_path"),
    ("everyone may execute no function of ours",
     "select proname from our_functions cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner))) where grantee = 0",
     "create function app.careless() returns int language sql set search_path = '' return 1"),
    ("there is no view of somebody's data, which would read it with its owner's rights",
     "select relname from pg_class where relkind in ('v', 'm') and relnamespace in ('public'::regnamespace, 'app'::regnamespace)
      and not coalesce(reloptions::text ~ 'security_invoker=(true|on|1)', false)",
     "create view app.keys with (security_invoker = false) as select * from api_keys"),
    ("and none that remembers it",
     "select relname from pg_class where relkind = 'm'",
     "create materialized view app.keys as select * from api_keys"),
    ("no trigger but those that guard keys, and those that count a tenant's limits, budgets and prices",
     "select tgrelid::regclass || '.' || tgname from pg_trigger where not tgisinternal
      and not (tgrelid = 'api_keys'::regclass and tgname in ('key_rights', 'previous_secret'))
      and not (tgrelid in ('limits'::regclass, 'budgets'::regclass, 'prices'::regclass) and tgname = 'row_cap')
      and not (tgrelid = 'usage_events'::regclass and tgname = 'new_usage')",
     "create trigger other before insert on members for each row execute function app.check_key_rights()"),
    ("no rule rewrites what is asked",
     "select rulename from pg_rewrite r join pg_class c on c.oid = r.ev_class where c.relnamespace = 'public'::regnamespace",
     "create rule other as on update to members do instead nothing"),
];

/// What the laws are about: any schema that is ours, partitions too.
pub const DEFINITIONS: &str = "
    create temporary view owned_tables as
        select c.oid, c.relname, c.relrowsecurity, c.relforcerowsecurity, c.relispartition, c.relacl,
               case c.relname
                   when 'tenants' then '(id = app.tenant_id())'
                   when 'people' then '(id = app.person_id())'
                   when 'refresh_tokens' then '(person_id = app.person_id())'
                   else '(tenant_id = app.tenant_id())'
               end as rule
        from pg_class c
        where c.relkind in ('r', 'p', 'f', 'm') and c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)'
          and (c.relname in ('tenants', 'people', 'refresh_tokens')
               or exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'tenant_id' and not a.attisdropped));
    create temporary view sign_in_roles as select oid, rolname from pg_roles where rolname like 'supergate%' and rolcanlogin;
    create temporary view our_functions as
        select p.* from pg_proc p where p.pronamespace::regnamespace::text !~ '^(pg_|information_schema)'
          and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')";
