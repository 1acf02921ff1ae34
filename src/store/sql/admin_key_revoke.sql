select admin_key_revoke($1::uuid)
