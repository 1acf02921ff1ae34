-- oldest-program: 1
-- Roles. The login user of DATABASE_URL migrates and connects; it never works under its own name:
--   voxgate_owner   owns tables and SECURITY DEFINER functions; migrations work as this role
--   voxgate_app     what a request may do: row-level security applies, app.tenant_id names the tenant
--   voxgate_writer  what the record thread may do: call record_apply_*(), nothing else
-- An ordinary managed database is enough: CREATEROLE and CREATE on the database. Where the login user may not
-- create roles, an administrator makes these three and grants them to it beforehand.
do $$
declare
    r text;
begin
    foreach r in array array['voxgate_owner', 'voxgate_app', 'voxgate_writer'] loop
        begin
            if not exists (select from pg_roles where rolname = r) then
                execute format('create role %I nologin nosuperuser nobypassrls nocreatedb nocreaterole', r);
            end if;
        exception when duplicate_object or unique_violation then
            null; -- another database of this server is being migrated at the same moment
        end;
        if not pg_has_role(current_user, r, 'member') then
            execute format('grant %I to current_user', r);
        end if;
    end loop;
    begin
        create extension if not exists pg_trgm;
    exception when others then
        raise warning 'pg_trgm is not available: knowledge search has no fallback for misspelt titles';
    end;
    begin
        create extension if not exists btree_gin;
    exception when others then
        raise warning 'btree_gin is not available: knowledge search is slower with many tenants';
    end;
end $$;

grant usage, create on schema public to voxgate_owner;
grant usage on schema public to voxgate_app, voxgate_writer;
