-- $1 hash or null, $2 key id or null
select id, tenant_id, sha256_hex, scopes, expires_us, revoked from directory_key($1, $2::uuid)
