"""Measures of finished exams: turnaround, volume, share within the limit."""
