# shellcheck shell=bash
# The demo tenant and the demo call of the quickstart. Sourced; needs ui.sh and gateway.sh.
# $root, $state, $database_url as in gateway.sh.
# shellcheck disable=SC2154

demo_recording=/usr/share/pocketsphinx/test/data/goforward.raw # "go forward ten meters", s16le, 16 kHz, mono

# json_member NAME: prints a string member of the JSON object on standard input; enough for our own flat answers.
json_member() {
    tr -d '\n' | sed -n 's/.*"'"$1"'" *: *"\([^"]*\)".*/\1/p'
}

# demo_tenant_file: where this database's demo tenant is remembered.
demo_tenant_file() {
    echo "$state/state/tenant.$(printf '%s' "$database_url" | cksum | cut -d' ' -f1)"
}

# demo_tenant_known: sets VOXGATE_TENANT_ID and VOXGATE_API_KEY where the remembered tenant still exists.
demo_tenant_known() {
    local file
    file=$(demo_tenant_file)
    [ -s "$file" ] || return 1
    # shellcheck disable=SC1090
    . "$file"
    printf '{"tenant_id":"%s","api_key":"%s"}' "$VOXGATE_TENANT_ID" "$VOXGATE_API_KEY" |
        curl -fsS -o /dev/null -H 'Content-Type: application/json' --data @- "$(gateway_url)/auth/token"
}

demo_ingest() {
    local title=$1 text=$2
    printf '{"tenant_id":"%s","source":"%s","title":"%s","text":"%s","metadata":{"category":"demo"}}' \
        "$VOXGATE_TENANT_ID" "$title" "$title" "$text" |
        curl -fsS -o /dev/null -H "X-API-Key: $VOXGATE_API_KEY" -H 'Content-Type: application/json' --data @- \
            "$(gateway_url)/ingest"
}

demo_articles() {
    demo_ingest "Steering the rover" \
        "The rover is on its way: it goes forward ten meters and stops there." &&
        demo_ingest "Opening hours" "We are open from Sunday to Thursday, nine in the morning to six in the evening." &&
        demo_ingest "Returns" "You can return an order within thirty days. Keep the receipt, and we refund the full price." &&
        demo_ingest "Delivery" "Delivery takes two working days and is free for orders over fifty dollars."
}

# demo_tenant_make: a tenant with an agent and a few articles.
demo_tenant_make() {
    local answer
    answer=$(as_service "$gateway_bin" admin tenant create --name "Voxgate demo" --json) || return
    VOXGATE_TENANT_ID=$(printf '%s' "$answer" | json_member tenant_id)
    VOXGATE_API_KEY=$(printf '%s' "$answer" | json_member api_key)
    [ -n "$VOXGATE_TENANT_ID" ] && [ -n "$VOXGATE_API_KEY" ] || {
        echo "voxgate admin tenant create did not name a tenant and a key"
        return 1
    }
    demo_articles || return
    (
        umask 077
        printf "VOXGATE_TENANT_ID='%s'\nVOXGATE_API_KEY='%s'\n" "$VOXGATE_TENANT_ID" "$VOXGATE_API_KEY" \
            >"$(demo_tenant_file)"
    )
}

# little_endian VALUE BYTES: as printf escapes.
little_endian() {
    local i value=$1
    for ((i = 0; i < $2; i++)); do
        printf '\\x%02x' "$((value & 255))"
        value=$((value >> 8))
    done
}

# demo_wav: the recording with a WAV header in front, below the state directory.
demo_wav() {
    local out=$state/data/demo.wav bytes
    bytes=$(stat -c %s "$demo_recording") || return
    {
        printf 'RIFF%b' "$(little_endian $((bytes + 36)) 4)"
        printf 'WAVEfmt %b' "$(little_endian 16 4)$(little_endian 1 2)$(little_endian 1 2)"
        printf '%b' "$(little_endian 16000 4)$(little_endian 32000 4)$(little_endian 2 2)$(little_endian 16 2)"
        printf 'data%b' "$(little_endian "$bytes" 4)"
        cat "$demo_recording"
    } >"$out"
    echo "$out"
}

# demo_call: plays the recording to the agent and shows both sides.
demo_call() {
    local wav
    wav=$(demo_wav) || die "the demo recording is missing: install pocketsphinx-testdata"
    say "The demo call: a recorded voice says \"go forward ten meters\""
    timeout 60 "$gateway_bin" call "$wav" --url "$(gateway_url)" --tenant "$VOXGATE_TENANT_ID" \
        --api-key "$VOXGATE_API_KEY" --realtime --out "$state/data/demo-reply.wav" ||
        die "the demo call failed; see $state/log/gateway.log"
    say "The reply as sound: $state/data/demo-reply.wav"
}
