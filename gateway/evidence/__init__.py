"""What leaves a hold as evidence: one file with reads, alerts, pictures and signed manifest, and its verifier."""
