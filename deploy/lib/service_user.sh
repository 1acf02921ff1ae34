# shellcheck shell=bash
# Who runs the servers. PostgreSQL refuses root, so where root runs the scripts, the servers and the gateway run as
# the system user `voxgate`; else as whoever runs the scripts. Sourced; needs ui.sh.

service_user=${VOXGATE_USER:-voxgate}

# service_user_ensure: makes the system user where it is needed and missing.
service_user_ensure() {
    [ "$(id -u)" = 0 ] || return 0
    if ! id "$service_user" >/dev/null 2>&1; then
        useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin \
            "$service_user"
        say "made the system user $service_user, who runs the servers (PostgreSQL refuses root)"
    fi
}

# as_service COMMAND...: runs the command as the user of the servers.
as_service() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid="$service_user" --regid="$service_user" --init-groups -- "$@"
    else
        "$@"
    fi
}

# service_own MODE DIR...: makes directories that belong to the user of the servers.
service_own() {
    local mode=$1
    shift
    mkdir -p "$@"
    if [ "$(id -u)" = 0 ]; then chown "$service_user:$service_user" "$@"; fi
    chmod "$mode" "$@"
}

# service_open_path DIR: lets the user of the servers pass through the directories above DIR and no more: they
# cannot list or read there. An access list entry is for that one user; where the file system has none, the search bit
# for others has to do. What was changed is said aloud.
service_open_path() {
    local dir=$1 part=
    [ "$(id -u)" = 0 ] || return 0
    as_service test -x "$dir" && return 0
    local IFS=/
    for name in ${dir#/}; do
        part=$part/$name
        as_service test -x "$part" && continue
        if setfacl -m "u:$service_user:--x" "$part" 2>/dev/null && as_service test -x "$part"; then
            say "let $service_user pass through $part (undo: setfacl -x u:$service_user $part)"
        else
            chmod o+x "$part" || die "user $service_user cannot reach $dir: $part is closed; clone to another place"
            say "let users pass through $part without reading it (undo: chmod o-x $part)"
        fi
    done
    as_service test -x "$dir" || die "user $service_user cannot reach $dir; clone to another place"
}
