-- oldest-program: 1
-- The functions. Those marked SECURITY DEFINER are all of the ways past row-level security:
--   directory_key()          an API key by hash or id, before a tenant is known
--   record_apply_*()         the spool's events, of all tenants (voxgate_writer only)
--   recover_instance()       ends the calls that a killed instance left open (voxgate_writer only)
--   ensure_partitions()      months to come (voxgate_writer only)
--   knowledge_search()       filters by app_tenant() itself, because row security would hide the index
--   admin_tenant_create(), admin_tenant_list(), admin_key_create(), admin_key_list(), admin_key_revoke()
--                            the operator's, behind the admin scope
--   notify_directory()       a trigger; sees only its row
-- Each pins its search_path.
set local role voxgate_owner;
alter default privileges revoke execute on functions from public;

-- "ses_0192.." or a UUID; '' and null are null.
create function id_uuid(id text) returns uuid language sql immutable parallel safe as
$$ select nullif(right(replace(id, '-', ''), 32), '')::uuid $$;

create function us_time(us bigint) returns timestamptz language sql immutable parallel safe as
$$ select timestamptz 'epoch' + us * interval '1 microsecond' $$;

create function time_us(t timestamptz) returns bigint language sql immutable parallel safe as
$$ select (extract(epoch from t) * 1000000)::bigint $$;

-- The time inside a UUIDv7, and the least UUID of a time.
create function uuid7_time(id uuid) returns timestamptz language sql immutable parallel safe as
$$ select timestamptz 'epoch' + ('x' || lpad(left(replace(id::text, '-', ''), 12), 16, '0'))::bit(64)::bigint
          * interval '1 millisecond' $$;

create function uuid7_floor(t timestamptz) returns uuid language sql immutable parallel safe as
$$ select (lpad(to_hex((extract(epoch from t) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid $$;

-- Half-even, which round(numeric) is not.
create function round_half_even(v numeric, places int) returns numeric language sql immutable parallel safe as
$$ select case when abs(v - trunc(v, places)) * 2 = ('1e-' || places)::numeric
                    and mod(trunc(abs(v) * ('1e' || places)::numeric), 2) = 0
               then trunc(v, places) else round(v, places) end $$;

-- Makes the partitions of this month and the `months` after it; returns how many are new. A month whose rows
-- already went into the default partition stays there.
create function ensure_partitions(months int default 2) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    base text;
    name text;
    first timestamptz;
    made int := 0;
begin
    perform pg_advisory_xact_lock(hashtext('voxgate.partitions'));
    foreach base in array array['messages', 'usage_events'] loop
        for i in 0..months loop
            first := (date_trunc('month', now() at time zone 'UTC') + make_interval(months => i))
                     at time zone 'UTC';
            name := base || to_char(first at time zone 'UTC', '_YYYY_MM');
            continue when to_regclass('public.' || name) is not null;
            begin
                execute format('create table public.%I partition of public.%I for values from (%L) to (%L)', name,
                               base, uuid7_floor(first),
                               uuid7_floor(((first at time zone 'UTC') + interval '1 month') at time zone 'UTC'));
                made := made + 1;
            exception when check_violation then
                raise warning 'partition % not made: its rows are in the default partition', name;
            end;
        end loop;
    end loop;
    return made;
end $$;

-- --- the directory ------------------------------------------------------------------------------------------

-- One key with its hash or its id (the other null), and notes that it was used, at most once a minute.
create function directory_key(hash text, key_id uuid)
    returns table (id uuid, tenant_id uuid, sha256_hex text, scopes int, expires_us bigint, revoked boolean)
    language plpgsql security definer set search_path = public, pg_temp as $$
#variable_conflict use_column
begin
    update api_keys k set last_used = now()
    where (k.sha256_hex = hash or k.id = key_id) and k.revoked_at is null
          and (k.last_used is null or k.last_used < now() - interval '1 minute')
          and not pg_is_in_recovery();
    return query
        select k.id, k.tenant_id, k.sha256_hex, k.scopes, coalesce(time_us(k.expires_at), 0),
               k.revoked_at is not null
        from api_keys k where k.sha256_hex = hash or k.id = key_id;
end $$;

create function notify_directory() returns trigger
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    r record := case when tg_op = 'DELETE' then old else new end;
begin
    perform pg_notify('voxgate_directory',
                      coalesce(case tg_table_name when 'tenants' then to_jsonb(r) ->> 'id'
                                                  else to_jsonb(r) ->> 'tenant_id' end, ''));
    return null;
end $$;

create trigger directory_tenants after insert or delete or update on tenants
    for each row execute function notify_directory();
create trigger directory_agents after insert or delete or update on agents
    for each row execute function notify_directory();
create trigger directory_keys after insert or delete or update of scopes, expires_at, revoked_at, sha256_hex
    on api_keys for each row execute function notify_directory();

-- --- the spool's events -------------------------------------------------------------------------------------
-- Each takes an array of {"t": tenant, "c": call, "e": owner epoch, "o": ordinal, "b": body} and returns how
-- many rows it wrote or changed. Right in any order and any number of times: what is written depends only on
-- the set of the events seen. Times are Unix microseconds.

create type record_event as (t uuid, c uuid, e bigint, o bigint, b jsonb);

-- A session of a call ends with it.
create function record_end_sessions(calls_ended uuid[]) returns void
    language sql set search_path = public, pg_temp as $$
    update sessions s set status = 'ended', last_activity_at = greatest(s.last_activity_at, c.ended_at)
    from calls c
    where c.id = any (calls_ended) and c.ended_at is not null and s.id = c.session_id
          and s.tenant_id = c.tenant_id and s.status <> 'ended'
$$;

create function record_apply_call_started(batch json) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    n int;
begin
    insert into sessions (id, tenant_id, agent_id, agent_version, customer_id, channel, metadata, created_at,
                          last_activity_at)
    select distinct on (sid) sid, t, id_uuid(b ->> 'agent_id'), (b ->> 'agent_version')::int, b ->> 'user_id',
           coalesce(b ->> 'channel', 'websocket'), coalesce(b -> 'metadata', '{}'), at, at
    from (select *, id_uuid(b ->> 'session_id') as sid, us_time((b ->> 'started_at_us')::bigint) as at
          from json_populate_recordset(null::record_event, batch)) x
    where sid is not null
    order by sid, e, o
    on conflict (id) do nothing;

    insert into calls as c (id, tenant_id, session_id, user_id, agent_id, agent_version, direction, channel,
                            language, voice_id, caller_number, called_number, metadata, instance_id, owner_epoch,
                            started_at)
    select distinct on (c) c, t, id_uuid(b ->> 'session_id'), b ->> 'user_id', id_uuid(b ->> 'agent_id'),
           (b ->> 'agent_version')::int, b ->> 'direction', b ->> 'channel', b ->> 'language', b ->> 'voice_id',
           b ->> 'caller_number', b ->> 'called_number', coalesce(b -> 'metadata', '{}'), b ->> 'instance_id', e,
           us_time((b ->> 'started_at_us')::bigint)
    from json_populate_recordset(null::record_event, batch)
    order by c, e desc, o desc
    on conflict (id) do update set
        session_id = excluded.session_id, user_id = excluded.user_id, agent_id = excluded.agent_id,
        agent_version = excluded.agent_version, direction = excluded.direction, channel = excluded.channel,
        language = excluded.language, voice_id = excluded.voice_id, caller_number = excluded.caller_number,
        called_number = excluded.called_number, metadata = excluded.metadata, instance_id = excluded.instance_id,
        owner_epoch = excluded.owner_epoch, started_at = least(c.started_at, excluded.started_at)
    where c.tenant_id = excluded.tenant_id
          and (c.metadata is null or excluded.owner_epoch > c.owner_epoch);
    get diagnostics n = row_count;
    perform record_end_sessions(array(select x.c from json_populate_recordset(null::record_event, batch) x));
    return n;
end $$;

create function record_apply_call_state(batch json) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    n int;
begin
    insert into calls as c (id, tenant_id, started_at, answered_at, status, status_at, status_epoch,
                            status_ordinal)
    select c, (array_agg(t))[1], least(min(at), uuid7_time(c)), min(at) filter (where s = 'in_progress'),
           (array_agg(s order by e desc, o desc))[1], (array_agg(at order by e desc, o desc))[1],
           (array_agg(e order by e desc, o desc))[1], (array_agg(o order by e desc, o desc))[1]
    from (select *, b ->> 'status' as s, us_time((b ->> 'at_us')::bigint) as at
          from json_populate_recordset(null::record_event, batch)) x
    group by c order by c
    on conflict (id) do update set
        answered_at = least(c.answered_at, excluded.answered_at),
        status = case when c.ended_at is not null
                           or (c.status_epoch, c.status_ordinal) >= (excluded.status_epoch, excluded.status_ordinal)
                      then c.status else excluded.status end,
        status_at = case when (c.status_epoch, c.status_ordinal) >= (excluded.status_epoch, excluded.status_ordinal)
                         then c.status_at else excluded.status_at end,
        status_epoch = case when (c.status_epoch, c.status_ordinal)
                                 >= (excluded.status_epoch, excluded.status_ordinal)
                            then c.status_epoch else excluded.status_epoch end,
        status_ordinal = case when (c.status_epoch, c.status_ordinal)
                                   >= (excluded.status_epoch, excluded.status_ordinal)
                              then c.status_ordinal else excluded.status_ordinal end
    where c.tenant_id = excluded.tenant_id
          and (c.answered_at is distinct from least(c.answered_at, excluded.answered_at)
               or (excluded.status_epoch, excluded.status_ordinal) > (c.status_epoch, c.status_ordinal));
    get diagnostics n = row_count;
    return n;
end $$;

-- A later event of the same message (by epoch and ordinal) replaces an earlier one: a reply is written when it
-- is told, and again when it is known how much of it was heard.
create function record_apply_message(batch json) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    n int;
begin
    insert into messages as m (id, tenant_id, session_id, call_id, role, text, heard_text, turn, start_ms, end_ms,
                               confidence, interrupted, intent, sentiment, at, owner_epoch, ordinal)
    select distinct on (id) id, t, id_uuid(b ->> 'session_id'), c, b ->> 'role', b ->> 'text', b ->> 'heard_text',
           coalesce((b ->> 'turn')::int, 0), (b ->> 'start_ms')::bigint, (b ->> 'end_ms')::bigint,
           (b ->> 'confidence')::double precision, coalesce((b ->> 'interrupted')::boolean, false),
           b ->> 'intent', (b ->> 'sentiment')::double precision, us_time((b ->> 'at_us')::bigint), e, o
    from (select *, id_uuid(b ->> 'message_id') as id from json_populate_recordset(null::record_event, batch)) x
    order by id, e desc, o desc
    on conflict (id) do update set
        text = excluded.text, heard_text = excluded.heard_text, start_ms = excluded.start_ms,
        end_ms = excluded.end_ms, confidence = excluded.confidence, interrupted = excluded.interrupted,
        intent = excluded.intent, sentiment = excluded.sentiment, at = least(m.at, excluded.at),
        owner_epoch = excluded.owner_epoch, ordinal = excluded.ordinal
    where m.tenant_id = excluded.tenant_id
          and (excluded.owner_epoch, excluded.ordinal) > (m.owner_epoch, m.ordinal);
    get diagnostics n = row_count;
    return n;
end $$;

-- One row per billing key, the first one that comes; priced here, rounded half-even once.
create function record_apply_usage(batch json) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    n int;
begin
    insert into usage_events (subject_id, unique_key, id, tenant_id, session_id, call_id, agent_id, kind, provider,
                              unit, quantity, unit_price, cost, billed_as, turn, tokens_in, tokens_out, at)
    select c, b ->> 'unique_key', id_uuid(b ->> 'event_id'), t, id_uuid(b ->> 'session_id'), c,
           id_uuid(b ->> 'agent_id'), b ->> 'kind', b ->> 'provider', b ->> 'unit', q, price,
           round_half_even(q * price, 10), coalesce(b ->> 'billed_as', ''), (b ->> 'turn')::int,
           (b ->> 'tokens_in')::bigint, (b ->> 'tokens_out')::bigint, at
    from (select *, (b ->> 'quantity')::numeric as q, us_time((b ->> 'at_us')::bigint) as at
          from json_populate_recordset(null::record_event, batch)) x
    cross join lateral (
        select coalesce((select p.unit_price from prices p
                         where p.provider = b ->> 'provider' and p.unit = b ->> 'unit' and p.valid_from <= at
                               and (p.tenant_id is null or p.tenant_id = t)
                         order by p.tenant_id is null, p.valid_from desc limit 1), 0) as price) y
    order by e, o
    on conflict do nothing;
    get diagnostics n = row_count;
    return n;
end $$;

-- Of two ends the earlier one counts: what a restart adds never replaces what the call itself wrote.
create function record_apply_call_ended(batch json) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    n int;
    ids uuid[] := array(select x.c from json_populate_recordset(null::record_event, batch) x);
begin
    insert into calls as c (id, tenant_id, started_at, status, ended_status, ended_at, end_reason, duration_ms,
                            turns, status_epoch)
    select distinct on (c) c, t, least(uuid7_time(c), ended), st, st, ended, b ->> 'reason',
           (b ->> 'duration_ms')::bigint, (b ->> 'turns')::int, 0
    from (select *, us_time((b ->> 'ended_at_us')::bigint) as ended, coalesce(b ->> 'status', 'ended') as st
          from json_populate_recordset(null::record_event, batch)) x
    order by c, ended, o
    on conflict (id) do update set
        status = excluded.ended_status, ended_status = excluded.ended_status, ended_at = excluded.ended_at,
        end_reason = excluded.end_reason, duration_ms = excluded.duration_ms, turns = excluded.turns
    where c.tenant_id = excluded.tenant_id and (c.ended_at is null or excluded.ended_at < c.ended_at);
    get diagnostics n = row_count;
    perform record_end_sessions(ids);
    update handoffs h
    set status = case h.status when 'queued' then 'cancelled' else 'completed' end, closed_at = c.ended_at
    from calls c
    where c.id = any (ids) and c.ended_at is not null and h.call_id = c.id and h.status in ('queued', 'accepted');
    return n;
end $$;

create function record_apply_handoff(batch json) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    n int;
begin
    insert into handoffs (id, tenant_id, call_id, queue, reason, context, created_at, status, closed_at)
    select id_uuid(b ->> 'handoff_id'), t, x.c, coalesce(b ->> 'queue', 'general'), coalesce(b ->> 'reason', ''),
           coalesce(b -> 'context', '{}'), us_time((b ->> 'at_us')::bigint),
           case when k.ended_at is null then 'queued' else 'cancelled' end, k.ended_at
    from json_populate_recordset(null::record_event, batch) x left join calls k on k.id = x.c
    order by e, o
    on conflict do nothing;
    get diagnostics n = row_count;
    return n;
end $$;

-- Ends the calls that instance `instance` began before `before` and never ended: it was killed and its spool
-- was lost with it. (Where the spool is there, the gateway ends them from the spool.)
create function recover_instance(instance text, before timestamptz) returns int
    language plpgsql security definer set search_path = public, pg_temp as $$
declare
    ids uuid[];
begin
    with gone as (
        update calls c set status = 'failed', ended_status = 'failed', end_reason = 'gateway_restart',
                           ended_at = last.at,
                           duration_ms = extract(epoch from last.at - c.started_at) * 1000
        from (select k.id, coalesce((select max(m.at) from messages m where m.call_id = k.id), k.status_at,
                                    k.started_at) as at
              from calls k where k.instance_id = instance and k.ended_at is null and k.started_at < before) last
        where c.id = last.id
        returning c.id)
    select array_agg(id) into ids from gone;
    perform record_end_sessions(ids);
    update handoffs h
    set status = case h.status when 'queued' then 'cancelled' else 'completed' end, closed_at = now()
    where h.call_id = any (ids) and h.status in ('queued', 'accepted');
    return coalesce(array_length(ids, 1), 0);
end $$;

-- --- the operator -------------------------------------------------------------------------------------------

create function admin_tenant_create(id uuid, name text, plan text) returns void
    language sql security definer set search_path = public, pg_temp as
$$ insert into tenants (id, name, plan) values ($1, $2, $3) $$;

create function admin_tenant_list(after uuid, up_to int) returns setof tenants
    language sql stable security definer set search_path = public, pg_temp as
$$ select * from tenants t where after is null or t.id > after order by t.id limit up_to $$;

-- `tenant` null: a key of the operator. Raises no_data_found for an unknown tenant.
create function admin_key_create(id uuid, tenant uuid, name text, prefix text, hash text, scopes int,
                                 expires_us bigint) returns void
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    if tenant is not null and not exists (select from tenants t where t.id = tenant) then
        raise no_data_found;
    end if;
    insert into api_keys (id, tenant_id, name, prefix, sha256_hex, scopes, expires_at)
    values ($1, tenant, $3, $4, hash, $6, case when expires_us > 0 then us_time(expires_us) end);
end $$;

create function admin_key_list(tenant uuid) returns setof api_keys
    language sql stable security definer set search_path = public, pg_temp as
$$ select * from api_keys k where k.tenant_id is not distinct from tenant order by k.id $$;

-- True if there is such a key; the time of its first revocation stays.
create function admin_key_revoke(key_id uuid) returns boolean
    language plpgsql security definer set search_path = public, pg_temp as $$
begin
    update api_keys set revoked_at = coalesce(revoked_at, now()) where id = key_id;
    return found;
end $$;

grant execute on function app_tenant(), id_uuid(text), us_time(bigint), time_us(timestamptz), uuid7_time(uuid),
    uuid7_floor(timestamptz), round_half_even(numeric, int) to voxgate_app, voxgate_writer;
grant execute on function directory_key(text, uuid), admin_tenant_create(uuid, text, text),
    admin_tenant_list(uuid, int), admin_key_create(uuid, uuid, text, text, text, int, bigint),
    admin_key_list(uuid), admin_key_revoke(uuid) to voxgate_app;
grant execute on function record_apply_call_started(json), record_apply_call_state(json),
    record_apply_message(json), record_apply_usage(json), record_apply_call_ended(json),
    record_apply_handoff(json), recover_instance(text, timestamptz), ensure_partitions(int) to voxgate_writer;

select ensure_partitions();
