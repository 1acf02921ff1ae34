select record_apply_usage($1::json)
