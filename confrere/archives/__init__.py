"""Archives of others: which we may ask, what was fetched from them ahead, and what failed."""
