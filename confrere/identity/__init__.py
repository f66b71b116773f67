"""People, their passwords, sessions and tokens, and what each role may do."""
