"""What is read by whom, by when: eligibility, offers, claims, turnaround."""
