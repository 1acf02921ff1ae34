# shellcheck shell=bash
# What the scripts say: one line a step with the time since the start, and one plain way to fail. Sourced.

ui_started=$SECONDS
ui_step_pid=

# say TEXT...: a line with the elapsed time in front.
say() {
    printf '[%4d s] %s\n' "$((SECONDS - ui_started))" "$*"
}

# warn TEXT...: as say, on standard error.
warn() {
    say "$@" >&2
}

# die TEXT...: says why, and what to do, and ends.
die() {
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

# ui_last_progress LOG: the newest "[12/345]" that ninja wrote, or nothing.
ui_last_progress() {
    tail -c 400 "$1" 2>/dev/null | tr '\r' '\n' | grep -o '^\[[0-9]*/[0-9]*\]' | tail -1 || true
}

# run_step LABEL LOG COMMAND...: runs the command with its output in LOG, shows that it goes on, and says how
# long it took. A terminal sees a running line, a pipe a line every 20 s. Where the command fails, the end of
# the log is shown and the script ends.
run_step() {
    local label=$1 log=$2 begun=$SECONDS shown=0 code=0
    shift 2
    "$@" >>"$log" 2>&1 </dev/null 9>&- & # a server must not inherit the lock on descriptor 9
    ui_step_pid=$!
    while kill -0 "$ui_step_pid" 2>/dev/null; do
        if [ -t 1 ]; then
            printf '\r[%4d s] %s ... %s\033[K' "$((SECONDS - ui_started))" "$label" "$(ui_last_progress "$log")"
        elif [ $((SECONDS - begun - shown)) -ge 20 ]; then
            shown=$((SECONDS - begun))
            say "$label ... $(ui_last_progress "$log")"
        fi
        sleep 0.2
    done
    wait "$ui_step_pid" || code=$?
    ui_step_pid=
    if [ -t 1 ]; then printf '\r\033[K'; fi
    if [ "$code" != 0 ]; then
        warn "$label: failed (exit $code); the end of $log:"
        tail -25 "$log" >&2
        exit 1
    fi
    say "$label: done in $((SECONDS - begun)) s"
}

# ui_cancel: ends the step that is running, for signal handlers.
ui_cancel() {
    if [ -n "$ui_step_pid" ]; then kill "$ui_step_pid" 2>/dev/null || true; fi
    ui_step_pid=
}
