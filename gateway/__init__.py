"""Step 8, asked: the only door to stored data. Every question is in the ledger before it is answered."""
