-- $1 id, $2 is default
insert into agents (id, tenant_id, is_default) values ($1::uuid, app_tenant(), $2::boolean)
