delete from documents where id = $1::uuid
