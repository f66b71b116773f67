"""The FHIR door over a loopback socket and a real database."""
