"""Patient identities, each with its assigner, and their links across groups."""
