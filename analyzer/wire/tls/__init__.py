"""TLS (RFC 8446, RFC 5246) as an observer reads it: records to plaintext where the secrets are at hand, and to facts where not."""
