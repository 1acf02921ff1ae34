-- $1 tenant or null for the operator's
select k.id, k.tenant_id, k.name, k.prefix, k.scopes, time_us(k.created_at), time_us(k.expires_at),
       time_us(k.revoked_at), time_us(k.last_used)
from admin_key_list($1::uuid) k
