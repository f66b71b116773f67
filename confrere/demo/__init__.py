"""The demonstration collaborative: its people, agreements, images, traffic and history."""
