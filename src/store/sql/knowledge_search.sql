-- $1 question, $2 language or null, $3 filters, $4 how many
select id, document_id, source, title, heading, body, metadata, score
from knowledge_search($1, $2, $3::jsonb, $4::int)
