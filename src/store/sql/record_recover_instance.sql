select recover_instance($1, us_time($2::bigint))
