-- $1 after id or null, $2 limit
select t.id, t.name, t.status, t.plan, t.rate_limit_requests, t.rate_limit_window_s, t.concurrent_calls_max,
       null::uuid, time_us(t.created_at), time_us(t.updated_at)
from admin_tenant_list($1::uuid, $2::int) t
