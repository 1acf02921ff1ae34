-- $1 agent id, or null for the tenant's default agent. Vocabulary as one text, a word or phrase a line.
select a.id, a.tenant_id, a.version, v.name, v.role, v.system_prompt, v.greeting, v.language, v.voice_id,
       v.stt_engine, v.llm_engine, v.tts_engine, array_to_string(v.vocabulary, E'\n'), v.endpointing_ms, v.barge_in,
       a.is_default, time_us(a.created_at), time_us(a.updated_at)
from agents a join agent_versions v on v.agent_id = a.id and v.version = a.version
where a.archived_at is null and (a.id = $1::uuid or ($1 is null and a.is_default))
