"""How long images are kept, where, and under whose hold; removals, with a certificate."""
