-- $1 id, $2 is default or null to leave it. The lock on the row puts simultaneous updates in order.
update agents set version = version + 1, is_default = coalesce($2::boolean, is_default), updated_at = now()
where id = $1::uuid and archived_at is null returning version
