"""People, sign-in, sessions and bearer tokens."""
