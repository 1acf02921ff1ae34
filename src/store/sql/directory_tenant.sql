-- The tenant of the transaction.
select t.id, t.name, t.status, t.plan, t.rate_limit_requests, t.rate_limit_window_s, t.concurrent_calls_max,
       (select a.id from agents a where a.tenant_id = t.id and a.is_default and a.archived_at is null),
       time_us(t.created_at), time_us(t.updated_at)
from tenants t where t.id = app_tenant()
