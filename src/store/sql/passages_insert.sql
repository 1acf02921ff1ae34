-- $1 document, $2 version, $3 title, $4 metadata, $5 passages: [{"id","heading","body"}, ..] in order
insert into passages (id, tenant_id, document_id, version, ordinal, language, title, heading, body, metadata, tsv)
select (p ->> 'id')::uuid, app_tenant(), $1::uuid, $2::int, n, l, $3, p ->> 'heading', p ->> 'body', $4::jsonb,
       knowledge_tsv(l, $3 || ' ' || (p ->> 'heading'), p ->> 'body')
from json_array_elements($5::json) with ordinality e(p, n),
     knowledge_language((p ->> 'heading') || ' ' || (p ->> 'body')) l
