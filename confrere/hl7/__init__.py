"""HL7 v2 over MLLP: parse, acknowledge, read orders and patients, write results."""
