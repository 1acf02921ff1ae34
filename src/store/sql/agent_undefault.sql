-- Takes the mark from whichever agent is the default, so that another one may have it.
update agents set is_default = false, updated_at = now() where is_default
