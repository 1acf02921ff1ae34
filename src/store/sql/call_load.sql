-- $1 call id
select c.id, c.session_id, c.tenant_id, c.agent_id, c.agent_version, c.user_id, c.status, c.direction, c.channel,
       c.language, c.voice_id, c.caller_number, c.called_number, coalesce(c.metadata, '{}'), c.end_reason,
       time_us(c.started_at), time_us(c.answered_at), time_us(c.ended_at), c.duration_ms,
       coalesce(c.turns, (select max(m.turn) from messages m where m.call_id = c.id), 0)
from calls c where c.id = $1::uuid
