-- $1 document
select d.id, d.source, v.version, v.title, v.content_type, v.metadata, v.status, v.passage_count,
       time_us(d.created_at), time_us(v.created_at)
from documents d join document_versions v on v.document_id = d.id and v.version = d.version
where d.id = $1::uuid
