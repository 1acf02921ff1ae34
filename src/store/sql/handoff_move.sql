-- $1 id, $2 the state it must be in, $3 the new state, $4 by whom or null, $5 note or null
update handoffs
set status = $3, accepted_by = coalesce($4, accepted_by), note = coalesce($5, note),
    accepted_at = case when $3 = 'accepted' then now() else accepted_at end,
    closed_at = case when $3 = 'accepted' then null else now() end
where id = $1::uuid and status = $2
