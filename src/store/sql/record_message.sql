select record_apply_message($1::json)
