"""Append-only: who saw or changed what (IHE BALP events), chained per group."""
