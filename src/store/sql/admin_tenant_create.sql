select admin_tenant_create($1::uuid, $2, $3)
