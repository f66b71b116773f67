"""The blob store: bytes kept under their digest, durable before anyone is told."""
