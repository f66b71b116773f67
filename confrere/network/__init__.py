"""The collaboration: groups, sites, radiologists, credentials, agreements, peers."""
