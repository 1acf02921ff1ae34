-- oldest-program: 1
-- Row-level security on every table, forced, so that it binds the owner too. An unset or empty app.tenant_id
-- compares with null and sees nothing.
set local role voxgate_owner;

create function app_tenant() returns uuid language sql stable parallel safe as
$$ select nullif(current_setting('app.tenant_id', true), '')::uuid $$;

do $$
declare
    t text;
    key text;
begin
    foreach t in array array['tenants', 'api_keys', 'agents', 'agent_versions', 'sessions', 'calls', 'messages',
                             'usage_events', 'handoffs', 'documents', 'document_versions', 'passages'] loop
        key := case t when 'tenants' then 'id' else 'tenant_id' end;
        execute format('alter table %I enable row level security', t);
        execute format('alter table %I force row level security', t);
        execute format('create policy tenant on %I to voxgate_app using (%I = app_tenant()) '
                       'with check (%I = app_tenant())', t, key, key);
        -- Only inside the SECURITY DEFINER functions is the current user voxgate_owner. The passages' policy
        -- is a constant, because any other would keep the search from using its index.
        execute format('create policy definer on %I to voxgate_owner using (%s) with check (%s)', t,
                       case t when 'passages' then 'true' else 'current_user = ''voxgate_owner''' end,
                       case t when 'passages' then 'true' else 'current_user = ''voxgate_owner''' end);
    end loop;
end $$;

alter table prices enable row level security;
alter table prices force row level security;
create policy tenant on prices for select to voxgate_app using (tenant_id is null or tenant_id = app_tenant());
create policy definer on prices to voxgate_owner using (current_user = 'voxgate_owner')
    with check (current_user = 'voxgate_owner');

grant select on tenants, prices to voxgate_app;
grant update (name, status, plan, rate_limit_requests, rate_limit_window_s, concurrent_calls_max, updated_at)
    on tenants to voxgate_app;
grant select, insert on agent_versions, usage_events to voxgate_app;
grant select, insert, update on api_keys, agents, sessions, calls, messages, handoffs to voxgate_app;
grant select, insert, update, delete on documents, document_versions, passages to voxgate_app;
