-- $1 id, $2 call id, $3 queue, $4 reason, $5 context. A call has one open handoff: none is made beside it, nor for
-- a call that has ended.
insert into handoffs (id, tenant_id, call_id, queue, reason, context)
select $1::uuid, app_tenant(), $2::uuid, $3, $4, $5::jsonb
where not exists (select from calls where id = $2::uuid and ended_at is not null)
on conflict do nothing
