-- oldest-program: 1
-- The tables. Every row carries its tenant. Ids are UUIDv7, so they sort by time; surfaces show them prefixed.
set local role voxgate_owner;

create table tenants (
    id uuid primary key,
    name text not null check (name <> ''),
    status text not null default 'active' check (status in ('active', 'suspended', 'deleted')),
    plan text not null default 'starter' check (plan in ('starter', 'growth', 'custom')),
    rate_limit_requests int not null default 0 check (rate_limit_requests >= 0),   -- 0: the configured default
    rate_limit_window_s int not null default 0 check (rate_limit_window_s >= 0),
    concurrent_calls_max int not null default 0 check (concurrent_calls_max >= 0),
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

create table api_keys (
    id uuid primary key,
    tenant_id uuid references tenants (id), -- null: the operator's own key
    name text not null default '',
    prefix text not null,
    sha256_hex text not null unique check (sha256_hex ~ '^[0-9a-f]{64}$'),
    scopes int not null check (scopes >= 0), -- the bits of enum vg_scope
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    revoked_at timestamptz,
    last_used timestamptz
);
create index api_keys_tenant on api_keys (tenant_id);

create table agents (
    id uuid primary key,
    tenant_id uuid not null references tenants (id),
    version int not null default 1, -- the one that new conversations get
    is_default boolean not null default false,
    archived_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (tenant_id, id)
);
create unique index agents_one_default on agents (tenant_id) where is_default;

create table agent_versions (
    tenant_id uuid not null,
    agent_id uuid not null,
    version int not null check (version > 0),
    name text not null check (name <> ''),
    role text not null default 'custom' check (role in ('receptionist', 'sales', 'support', 'dispatcher', 'custom')),
    system_prompt text not null check (system_prompt <> ''),
    greeting text not null default '',
    language text not null default 'auto' check (language in ('auto', 'en', 'ar')),
    voice_id text not null default '',
    stt_engine text not null default '',
    llm_engine text not null default '',
    tts_engine text not null default '',
    vocabulary text[] not null default '{}',
    endpointing_ms int not null default 0 check (endpointing_ms between 0 and 10000),
    barge_in boolean not null default true,
    created_at timestamptz not null default now(),
    primary key (agent_id, version),
    foreign key (tenant_id, agent_id) references agents (tenant_id, id) on delete cascade
);

create table sessions (
    id uuid primary key,
    tenant_id uuid not null,
    agent_id uuid,
    agent_version int,
    customer_id text,
    channel text not null default 'chat',
    status text not null default 'active',
    metadata jsonb not null default '{}',
    created_at timestamptz not null default now(),
    last_activity_at timestamptz not null default now()
);
create index sessions_tenant on sessions (tenant_id, id desc);

-- Rows come from the spool in any order: a row may begin as a stub of its state or of its end, and whatever
-- CALL_STARTED brings fills it in later. So there are no foreign keys from here on.
create table calls (
    id uuid primary key,
    tenant_id uuid not null,
    session_id uuid,
    user_id text,
    agent_id uuid,
    agent_version int,
    direction text,
    channel text,
    language text,
    voice_id text,
    caller_number text,
    called_number text,
    metadata jsonb,
    instance_id text,
    owner_epoch bigint not null default 0,
    status text not null default 'ready',
    status_at timestamptz,
    status_epoch bigint not null default 0,
    status_ordinal bigint not null default 0,
    started_at timestamptz not null,
    answered_at timestamptz,
    ended_at timestamptz,
    ended_status text,
    end_reason text,
    duration_ms bigint,
    turns int
);
create index calls_tenant on calls (tenant_id, id desc);
create index calls_session on calls (session_id);
create index calls_live on calls (instance_id) where ended_at is null;

-- Partitioned by the month of the message's own UUIDv7.
create table messages (
    id uuid primary key,
    tenant_id uuid not null,
    session_id uuid,
    call_id uuid,
    role text not null check (role in ('user', 'assistant', 'system', 'tool', 'human')),
    text text not null,
    heard_text text,
    turn int not null default 0,
    start_ms bigint,
    end_ms bigint,
    confidence double precision,
    interrupted boolean not null default false,
    intent text,
    sentiment double precision,
    at timestamptz not null,
    owner_epoch bigint not null default 0,
    ordinal bigint not null default 0
) partition by range (id);
create index messages_call on messages (call_id, at);
create index messages_session on messages (session_id, at);
create table messages_rest partition of messages default;

-- Partitioned by the month of what the key bills (the call or the session), so that a repeat of the same bill,
-- whenever it comes, meets the first one in the same partition.
create table usage_events (
    subject_id uuid not null,
    unique_key text not null,
    id uuid not null,
    tenant_id uuid not null,
    session_id uuid,
    call_id uuid,
    agent_id uuid,
    kind text not null check (kind in ('llm', 'stt', 'tts', 'call', 'message')),
    provider text not null,
    unit text not null,
    quantity numeric not null check (quantity >= 0),
    unit_price numeric(20, 12) not null,
    cost numeric(20, 10) not null,
    billed_as text not null default '',
    turn int,
    tokens_in bigint,
    tokens_out bigint,
    at timestamptz not null,
    primary key (tenant_id, subject_id, unique_key)
) partition by range (subject_id);
create index usage_events_at on usage_events (tenant_id, at);
create index usage_events_session on usage_events (session_id);
create table usage_events_rest partition of usage_events default;

-- What a unit of a provider costs in USD, from a time on; a tenant's own price goes before the list's.
create table prices (
    provider text not null,
    unit text not null,
    tenant_id uuid,
    valid_from timestamptz not null default '-infinity',
    unit_price numeric(20, 12) not null check (unit_price >= 0)
);
create unique index prices_key on prices (provider, unit, coalesce(tenant_id, '00000000-0000-0000-0000-000000000000'),
                                          valid_from);
insert into prices (provider, unit, unit_price) values ('vendorA', 'token', 0.000002), ('vendorB', 'token', 0.000003);

create table handoffs (
    id uuid primary key,
    tenant_id uuid not null,
    call_id uuid not null,
    queue text not null default 'general',
    reason text not null default '',
    status text not null default 'queued'
        check (status in ('queued', 'accepted', 'declined', 'completed', 'cancelled')),
    context jsonb not null default '{}',
    accepted_by text,
    note text,
    created_at timestamptz not null default now(),
    accepted_at timestamptz,
    closed_at timestamptz
);
create index handoffs_queue on handoffs (tenant_id, queue, status, created_at);
create unique index handoffs_one_open on handoffs (call_id) where status in ('queued', 'accepted');

create table documents (
    id uuid primary key,
    tenant_id uuid not null references tenants (id),
    source text not null check (source <> ''),
    version int not null default 0, -- the one that is searched
    created_at timestamptz not null default now(),
    unique (tenant_id, source),
    unique (tenant_id, id)
);

create table document_versions (
    tenant_id uuid not null,
    document_id uuid not null,
    version int not null,
    title text not null default '',
    content_type text not null,
    content text not null,
    metadata jsonb not null default '{}',
    status text not null default 'ready' check (status in ('ready', 'retired')),
    passage_count int not null default 0,
    created_at timestamptz not null default now(),
    primary key (document_id, version),
    foreign key (tenant_id, document_id) references documents (tenant_id, id) on delete cascade
);

-- Passages of the version that is searched; those of retired versions are removed.
create table passages (
    id uuid primary key,
    tenant_id uuid not null,
    document_id uuid not null,
    version int not null,
    ordinal int not null,
    language text not null, -- 'en', 'ar', 'other': picks the text search configuration
    title text not null,
    heading text not null,
    body text not null,
    metadata jsonb not null,
    tsv tsvector not null,
    foreign key (tenant_id, document_id) references documents (tenant_id, id) on delete cascade
);
create index passages_document on passages (document_id);
do $$
begin
    if exists (select from pg_extension where extname = 'btree_gin') then
        create index passages_tsv on passages using gin (tenant_id, tsv);
    else
        create index passages_tsv on passages using gin (tsv);
        create index passages_tenant on passages (tenant_id);
    end if;
end $$;
