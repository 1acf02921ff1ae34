-- The tenant of the transaction; null leaves a column. $1 name, $2 status, $3 plan, $4 requests, $5 window, $6 calls
update tenants
set name = coalesce($1, name), status = coalesce($2, status), plan = coalesce($3, plan),
    rate_limit_requests = coalesce($4::int, rate_limit_requests),
    rate_limit_window_s = coalesce($5::int, rate_limit_window_s),
    concurrent_calls_max = coalesce($6::int, concurrent_calls_max), updated_at = now()
where id = app_tenant()
