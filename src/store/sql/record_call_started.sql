select record_apply_call_started($1::json)
