# shellcheck shell=bash
# Debian packages: installs what is missing, and nothing else changes on the machine: the packaged PostgreSQL
# and Redis are neither started nor given a cluster, for Voxgate runs its own. Sourced; needs ui.sh.

# packages_listed FILE...: the names in the lists, without comments.
packages_listed() {
    sed 's/#.*//' "$@" | tr -s ' \t' '\n' | grep -v '^$' | sort -u
}

# packages_missing FILE...: those of the lists that are not installed.
packages_missing() {
    local name
    for name in $(packages_listed "$@"); do
        case $(dpkg-query -W -f '${Status}' "$name" 2>/dev/null) in
            'install ok installed') ;;
            *) echo "$name" ;;
        esac
    done
}

# as_root COMMAND...: runs it as root, by sudo where needed.
as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo -n "$@"; fi
}

# packages_need_root: makes sure that as_root will work, asking for a password while a terminal is there.
packages_need_root() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null ||
        die "packages are missing and neither root nor sudo is at hand; as root run: apt-get install $*"
    sudo -n true 2>/dev/null || sudo -v || die "sudo refused; as root run: apt-get install $*"
}

# packages_install_as_root NAME...: the installation itself. For its time a policy keeps maintainer scripts from starting
# services, and PostgreSQL's from making its default cluster; both are undone at the end.
packages_install_as_root() {
    as_root env DEBIAN_FRONTEND=noninteractive bash -euc '
        policy=/usr/sbin/policy-rc.d
        cluster=/etc/postgresql-common/createcluster.d/voxgate-install.conf
        made=no
        undo() { rm -f "$cluster"; if [ $made = yes ]; then rm -f "$policy"; fi; }
        trap undo EXIT
        trap "exit 130" INT TERM
        if [ ! -e "$policy" ]; then
            made=yes
            printf "#!/bin/sh\nexit 101\n" >"$policy"
            chmod 755 "$policy"
        fi
        mkdir -p "${cluster%/*}"
        echo "create_main_cluster = false" >"$cluster"
        had_redis=no
        if [ -e /usr/bin/redis-server ]; then had_redis=yes; fi
        options="-y -qq --no-install-recommends -o DPkg::Lock::Timeout=300 -o Dpkg::Options::=--force-confold"
        apt-get install $options "$@"
        # A service that came with us must not take port 6379 at the next boot either.
        if [ $had_redis = no ] && command -v systemctl >/dev/null; then
            systemctl disable redis-server >/dev/null 2>&1 || true
        fi
    ' packages "$@"
}

# packages_update_as_root FAILED: the lists of what there is to install. Makes the file FAILED where that goes wrong: a
# mirror that is away need not end it, the lists at hand may do.
packages_update_as_root() {
    as_root apt-get update -qq || : >"$1"
}

# packages_update LOG: says aloud where the lists could not be renewed, and what to do.
packages_update() {
    local log=$1 failed=$1.update-failed
    rm -f "$failed"
    run_step "Reading Debian's package lists" "$log" packages_update_as_root "$failed"
    if [ -e "$failed" ]; then
        rm -f "$failed"
        warn "apt-get update failed; the end of $log:"
        tail -8 "$log" >&2
        warn "trying with the lists that are here. If that fails too: see to the network, the clock and" \
            "/etc/apt/sources.list until \"apt-get update\" works, then start again"
    fi
}

# packages_ensure LOG FILE...: installs what is missing of the lists. Says nothing to do in no time where all is there.
packages_ensure() {
    local log=$1 missing
    shift
    missing=$(packages_missing "$@" | tr '\n' ' ')
    if [ -z "$missing" ]; then
        say "Debian packages: all there"
        return
    fi
    command -v apt-get >/dev/null || die "this is no Debian; install by hand: $missing"
    # shellcheck disable=SC2086
    packages_need_root $missing
    packages_update "$log"
    # shellcheck disable=SC2086
    run_step "Installing $(echo $missing | wc -w) Debian packages" "$log" packages_install_as_root $missing
    missing=$(packages_missing "$@" | tr '\n' ' ')
    [ -z "$missing" ] || die "still missing after the installation: $missing; see $log"
}
