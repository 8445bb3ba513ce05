-- The ledger: one row for each attempt that a provider could bill. Append-only for the functions.
--
-- Partitioned by month on the request id, whose first 48 bits are its time (UUID version 7). So a partition is a month, and the
-- primary key (tenant, request, attempt) is still unique over all of them, which it could not be if the time were a column of its own.

set role supergate_owner;

create table usage_events (
    tenant_id uuid not null references tenants (id),
    request_id uuid not null,
    attempt smallint not null check (attempt >= 1),
    created_at timestamptz not null,
    key_id uuid not null,
    provider text not null,
    model_requested text not null,
    model text not null,
    model_served text,
    streamed boolean not null,
    -- What the caller got: an HTTP status. A stream that failed after its head was sent keeps its 200 and says so in `ended`.
    status smallint not null check (status between 100 and 599),
    ended text not null check (ended in ('complete', 'truncated', 'failed', 'deadline')),
    input_tokens bigint not null check (input_tokens >= 0),
    output_tokens bigint not null check (output_tokens >= 0),
    cached_input_tokens bigint check (cached_input_tokens >= 0),
    cache_write_tokens bigint check (cache_write_tokens >= 0),
    reasoning_tokens bigint check (reasoning_tokens >= 0),
    -- Whether the provider said what was used, we counted it ourselves, or nothing was used.
    usage_source text not null check (usage_source in ('provider', 'counted', 'none')),
    cost_nanos bigint not null check (cost_nanos >= 0),
    first_token_ms integer check (first_token_ms >= 0),
    latency_ms integer not null check (latency_ms >= 0),
    primary key (tenant_id, request_id, attempt),
    foreign key (tenant_id, key_id) references api_keys (tenant_id, id)
) partition by range (request_id);

alter table usage_events enable row level security;
alter table usage_events force row level security;
create policy tenant_isolation on usage_events to supergate_app, supergate_owner
    using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id());
grant select, insert on usage_events to supergate_app;

-- The smallest request id of a moment: its milliseconds in the first 48 bits, the rest zero.
create function app.first_request_id(moment timestamptz) returns uuid
    language sql
    immutable
    strict
    set search_path = ''
as $$
    select (lpad(to_hex((extract(epoch from moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- Puts a partition under the policy of its parent: it is a table with a tenant_id of its own, though nobody is granted anything on it.
create function app.isolate_usage_partition(partition text) returns void
    language plpgsql
    set search_path = ''
as $$
begin
    execute format('alter table public.%I enable row level security', partition);
    execute format('alter table public.%I force row level security', partition);
    execute format(
        'create policy tenant_isolation on public.%I to supergate_app, supergate_owner '
        'using (tenant_id = app.tenant_id()) with check (tenant_id = app.tenant_id())', partition);
end
$$;

-- What lies outside every month is kept here: a month that nobody made in time must not lose a row.
create table usage_events_default partition of usage_events default;
select app.isolate_usage_partition('usage_events_default');

-- Makes the partition of a month (in UTC) if it is missing. A month of which rows are already in the default partition stays there.
create function app.create_usage_partition(month date) returns boolean
    language plpgsql
    set search_path = ''
as $$
declare
    first timestamptz := date_trunc('month', month::timestamp) at time zone 'UTC';
    next timestamptz := (date_trunc('month', month::timestamp) + interval '1 month') at time zone 'UTC';
    name text := 'usage_events_' || to_char(month, 'YYYY_MM');
begin
    if to_regclass('public.' || name) is not null then
        return false;
    end if;
    execute format(
        'create table public.%I partition of public.usage_events for values from (%L) to (%L)',
        name, app.first_request_id(first), app.first_request_id(next));
    perform app.isolate_usage_partition(name);
    return true;
exception
    when check_violation then
        raise warning 'rows of % are in usage_events_default', name;
        return false;
end
$$;

revoke all on function app.first_request_id(timestamptz), app.isolate_usage_partition(text), app.create_usage_partition(date)
    from public;

reset role;
