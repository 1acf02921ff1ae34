-- A key of the transaction's tenant; $1 id
update api_keys set revoked_at = coalesce(revoked_at, now()) where id = $1::uuid
