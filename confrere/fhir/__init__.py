"""HL7 FHIR R4: read and search, one resource a file."""
