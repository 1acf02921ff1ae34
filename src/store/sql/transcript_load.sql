-- $1 call id or null, $2 session id or null; $3 after this message id or null, $4 limit
select m.id, m.role, m.text, m.heard_text, m.turn, m.start_ms, m.end_ms, m.confidence, m.interrupted, m.intent,
       m.sentiment, time_us(m.at)
from messages m
where (m.call_id = $1::uuid or m.session_id = $2::uuid) and ($3::uuid is null or m.id > $3::uuid)
order by m.id limit $4::int
