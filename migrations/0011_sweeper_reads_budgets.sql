-- The sweeper settles what killed functions left, and tells of the soft budgets which that used up: it has to know their limits.

set role supergate_owner;

alter policy tenant_isolation on budgets to supergate_sweeper, supergate_office, supergate_owner;
grant select (tenant_id, id, key_id, member_id, tag, limit_nanos, period, hard) on budgets to supergate_sweeper;

reset role;
