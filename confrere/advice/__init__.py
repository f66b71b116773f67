"""Order-time advice: duplicates, appropriateness, the prior report at hand."""
