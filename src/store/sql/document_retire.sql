-- $1 document: what was there before goes out of search.
with retired as (
    update document_versions set status = 'retired' where document_id = $1::uuid and status = 'ready')
delete from passages where document_id = $1::uuid
