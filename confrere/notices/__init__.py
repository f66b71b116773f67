"""Telling people outside the pages: call lists, and notices by mail, SMS and voice."""
