"""Pages, JSON and server-sent events for people and programs."""
