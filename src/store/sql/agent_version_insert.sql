-- $1 agent, $2 version, then the profile; $12 vocabulary: a word or phrase a line
insert into agent_versions (tenant_id, agent_id, version, name, role, system_prompt, greeting, language, voice_id,
                            stt_engine, llm_engine, tts_engine, vocabulary, endpointing_ms, barge_in)
values (app_tenant(), $1::uuid, $2::int, $3, $4, $5, $6, $7, $8, $9, $10, $11,
        array_remove(string_to_array($12, E'\n'), ''), $13::int, $14::boolean)
