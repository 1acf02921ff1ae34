-- $1 id of a new document, $2 source; gives the document's id and its new version. The row's lock puts simultaneous
-- versions of one source in order.
insert into documents (id, tenant_id, source, version) values ($1::uuid, app_tenant(), $2, 1)
on conflict (tenant_id, source) do update set version = documents.version + 1
returning id, version
