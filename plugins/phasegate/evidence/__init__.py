"""Evidence: canonical JSON, schemas, the secret scan, the durable store, and the verification of one pack."""
