"""Confrere: independent radiology groups reading for one another, and measuring it fairly."""
