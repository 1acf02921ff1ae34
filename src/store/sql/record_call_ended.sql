select record_apply_call_ended($1::json)
