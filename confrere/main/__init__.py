"""One supervised process tree: PostgreSQL, web, doors, dispatcher, worker."""
