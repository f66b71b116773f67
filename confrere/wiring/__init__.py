"""The only place that knows everything: events to jobs, doors to use cases, clients to peers."""
