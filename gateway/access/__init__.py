"""Who may ask: tokens, the access state folded from the ledger, and the rules that decide on it."""
