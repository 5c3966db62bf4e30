"""What leaves a hold as evidence: one file with reads, pictures, custody and signed manifest, and its verifier."""
