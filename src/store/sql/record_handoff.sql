select record_apply_handoff($1::json)
