select record_apply_call_state($1::json)
