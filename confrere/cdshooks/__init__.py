"""CDS Hooks 2.0: advice on imaging orders inside the ordering system."""
