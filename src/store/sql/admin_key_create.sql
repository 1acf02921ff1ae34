-- $1 id, $2 tenant or null, $3 name, $4 prefix, $5 hash, $6 scopes, $7 expiry in Unix us or 0
select admin_key_create($1::uuid, $2::uuid, $3, $4, $5, $6::int, $7::bigint)
