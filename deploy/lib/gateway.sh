# shellcheck shell=bash
# The gateway of the quickstart: settings, migration, start, stop. Sourced; needs ui.sh, service_user.sh, servers.sh.
# $root is the checkout, $state the state directory, $host and $port where to listen.
# shellcheck disable=SC2154

gateway_bin=$root/build/release/bin/voxgate
gateway_drain_seconds=35

# gateway_build: the release preset, as many jobs as memory allows (a compiler takes up to 1 GB).
gateway_build() {
    local jobs cores free_mb
    cores=$(nproc)
    free_mb=$(awk '/^MemAvailable/ {print int($2 / 1024)}' /proc/meminfo)
    jobs=$((free_mb / 1000 < cores ? free_mb / 1000 : cores))
    cd "$root" || return
    cmake --preset release || return
    cmake --build --preset release --target voxgate --parallel "$((jobs > 0 ? jobs : 1))"
}

# random_hex BYTES
random_hex() {
    od -An -N"$1" -tx1 /dev/urandom | tr -d ' \n'
}

# gateway_secrets: the signing secret and the operator's key, made once.
gateway_secrets() {
    local file=$state/state/secrets
    if [ ! -s "$file" ]; then
        (
            umask 077
            printf 'JWT_SECRET=%s\nVOXGATE_ADMIN_KEY=vgk_admin_%s\n' "$(random_hex 32)" "$(random_hex 24)" >"$file"
        )
    fi
    # shellcheck disable=SC1090
    . "$file"
    export JWT_SECRET VOXGATE_ADMIN_KEY
}

# gateway_environment: what the gateway and its tools read.
gateway_environment() {
    gateway_secrets
    export DATABASE_URL=$database_url REDIS_URL=$redis_url HOST=$host PORT=$port
    export APP_ENV=${APP_ENV:-development} VOXGATE_DATA_DIR=$state/data
}

# gateway_pid: prints the process id while the gateway of this checkout runs. A number that now belongs to
# another program does not count.
gateway_pid() {
    local pid
    pid=$(cat "$state/run/gateway.pid" 2>/dev/null) || return 1
    [ -n "$pid" ] && [ "$(readlink "/proc/$pid/exe" 2>/dev/null)" != '' ] || return 1
    case $(readlink "/proc/$pid/exe") in
        "$gateway_bin" | "$gateway_bin (deleted)") echo "$pid" ;;
        *) return 1 ;;
    esac
}

port_is_free() {
    ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# port_choose FIRST: prints the first free port from FIRST on.
port_choose() {
    local p
    for p in $(seq "$1" "$(($1 + 99))"); do
        if port_is_free "$p"; then
            echo "$p"
            return
        fi
    done
    die "no free port from $1 to $(($1 + 99)); choose one with --port"
}

gateway_url() {
    case $host in
        0.0.0.0 | ::) echo "http://127.0.0.1:$port" ;;
        *:*) echo "http://[$host]:$port" ;;
        *) echo "http://$host:$port" ;;
    esac
}

gateway_migrate() {
    cd "$root" && as_service "$gateway_bin" migrate
}

# gateway_launch: in a session of its own, so that Ctrl-C reaches only this script, which then stops all in order.
gateway_launch() {
    as_service env HOME="$state/data" setsid bash -c 'echo $$ >"$0" && exec "$@"' "$state/run/gateway.pid" \
        "$gateway_bin" serve >>"$state/log/gateway.log" 2>&1 </dev/null &
}

# gateway_start: launches it and returns when it can take calls.
gateway_start() {
    local i
    cd "$root" || return
    rm -f "$state/run/gateway.pid"
    gateway_launch
    for i in $(seq 600); do
        if curl -fsS -o /dev/null --max-time 2 "$(gateway_url)/readyz" 2>/dev/null; then
            return
        fi
        if [ "$i" -gt 20 ] && ! gateway_pid >/dev/null; then
            echo "the gateway ended at once; the end of $state/log/gateway.log:"
            tail -5 "$state/log/gateway.log"
            return 1
        fi
        sleep 0.1
    done
    echo "the gateway is not ready after $((i / 10)) s"
    gateway_stop
    return 1
}

# gateway_stop: asks it to drain and waits; insists after gateway_drain_seconds.
gateway_stop() {
    local pid _
    pid=$(gateway_pid) || return 0
    kill -TERM "$pid" 2>/dev/null || true
    for _ in $(seq $((gateway_drain_seconds * 10))); do
        gateway_pid >/dev/null || break
        sleep 0.1
    done
    if gateway_pid >/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
    rm -f "$state/run/gateway.pid"
}
