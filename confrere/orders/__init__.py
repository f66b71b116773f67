"""Orders, accession numbers and the procedure map of each site."""
