"""Words every part shares: identifiers, periods, errors and who acts. Standard library only."""
