"""What came in and what must go out: kept whole, shown, retried and replayed."""
