# shellcheck shell=bash
# Private PostgreSQL 15 and Redis on Unix sockets below a state directory; no TCP port is opened. Sourced; needs
# ui.sh and service_user.sh. $state is the state directory (.voxgate), an absolute path.
# shellcheck disable=SC2154

pg_bin=/usr/lib/postgresql/15/bin
servers_run= # the sockets' directory, by a name that is short and plain enough for socket addresses and URLs

# servers_name_run: sets servers_run. A socket's address holds 107 bytes, so a long path, or one with characters that a
# URL would have to escape, is reached by a short link in /tmp.
servers_name_run() {
    local plain=$state/run link holder
    local longest=$plain/.s.PGSQL.5432.lock
    servers_run=$plain
    if [ ${#longest} -le 107 ] && [[ $plain =~ ^[A-Za-z0-9/._-]+$ ]]; then return; fi
    link=$(cat "$state/state/run_link" 2>/dev/null || true)
    # A link of ours stands in a directory that only we could make; anything else is replaced.
    if [ -z "$link" ] || [ ! -O "${link%/*}" ] || [ "$(readlink "$link")" != "$plain" ]; then
        holder=$(mktemp -d /tmp/voxgate.XXXXXX)
        chmod 711 "$holder"
        link=$holder/run
        ln -s "$plain" "$link"
        echo "$link" >"$state/state/run_link"
    fi
    servers_run=$link
}

pg_url() {
    echo "postgresql://voxgate@/voxgate?host=$servers_run"
}

redis_url() {
    echo "unix://$servers_run/redis.sock"
}

# pg_query SQL [DATABASE]: runs it as the cluster's superuser and prints bare values.
pg_query() {
    as_service "$pg_bin/psql" -X -q -A -t -v ON_ERROR_STOP=1 -h "$servers_run" -U postgres -d "${2:-postgres}" -c "$1"
}

pg_ctl_private() {
    as_service env LC_ALL=C.UTF-8 "$pg_bin/pg_ctl" -D "$state/pg" "$@"
}

pg_is_up() {
    pg_ctl_private status >/dev/null 2>&1
}

# pg_configure: settings that depend on where the clone lies, written anew at each start.
pg_configure() {
    cat <<CONF | as_service tee "$state/pg/voxgate.conf" >/dev/null
listen_addresses = ''
unix_socket_directories = '$servers_run'
unix_socket_permissions = 0700
max_connections = 200
shared_buffers = 128MB
timezone = 'UTC'
log_timezone = 'UTC'
CONF
}

# pg_start: makes the cluster the first time, starts it, makes the role and the database.
pg_start() {
    [ -x "$pg_bin/initdb" ] || { echo "PostgreSQL 15 is missing: $pg_bin" >&2; return 1; }
    pg_is_up && return
    if [ ! -s "$state/pg/PG_VERSION" ]; then
        as_service env LC_ALL=C.UTF-8 "$pg_bin/initdb" -D "$state/pg" -U postgres --auth=trust --encoding=UTF8 \
            --locale=C.UTF-8 || return
        echo "include 'voxgate.conf'" | as_service tee -a "$state/pg/postgresql.conf" >/dev/null
    fi
    pg_configure || return
    pg_ctl_private -w -t 60 -l "$state/log/postgresql.log" start || return
    pg_create_database
}

# pg_create_database: the login role and the database, where they are missing. The role has no more rights than a
# managed database would give it. The directory of the sockets is the lock on the door: who may enter may be any role.
pg_create_database() {
    if [ -z "$(pg_query "select 1 from pg_roles where rolname = 'voxgate'")" ]; then
        pg_query "create role voxgate login createrole" || return
    fi
    if [ -z "$(pg_query "select 1 from pg_database where datname = 'voxgate'")" ]; then
        pg_query "create database voxgate owner voxgate" || return
    fi
}

pg_stop() {
    [ -s "$state/pg/postmaster.pid" ] && pg_is_up || return 0
    pg_ctl_private -w -t 30 -m fast stop
}

redis_command() {
    as_service redis-cli -s "$servers_run/redis.sock" "$@"
}

redis_is_up() {
    [ "$(redis_command ping 2>/dev/null)" = PONG ]
}

# redis_start: nothing in it needs to outlive it, so nothing is saved.
redis_start() {
    redis_is_up && return
    as_service redis-server --port 0 --unixsocket "$servers_run/redis.sock" --unixsocketperm 700 --daemonize yes \
        --dir "$state/redis" --pidfile "$state/run/redis.pid" --logfile "$state/log/redis.log" --save '' \
        --appendonly no || return
    local i
    for i in $(seq 100); do
        redis_is_up && return
        sleep 0.1
    done
    echo "redis-server does not answer after $((i / 10)) s" >&2
    return 1
}

redis_stop() {
    redis_is_up || return 0
    redis_command shutdown nosave >/dev/null 2>&1 || true
    local _
    for _ in $(seq 50); do
        redis_is_up || return 0
        sleep 0.1
    done
    echo "redis-server did not stop" >&2
    return 1
}
