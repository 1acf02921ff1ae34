-- $1 call id or null, $2 session id or null
select kind, provider, unit, sum(quantity), sum(cost), count(*), sum(tokens_in), sum(tokens_out)
from usage_events where call_id = $1::uuid or session_id = $2::uuid
group by kind, provider, unit order by kind, provider, unit
