"""Floor 0: what can be known of a table and done to it. No Django, no users, no server."""
