-- $1 document, $2 version, $3 title, $4 content type, $5 content, $6 metadata, $7 number of passages
insert into document_versions (tenant_id, document_id, version, title, content_type, content, metadata, passage_count)
values (app_tenant(), $1::uuid, $2::int, $3, $4, $5, $6::jsonb, $7::int)
