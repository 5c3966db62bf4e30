"""The ledger: one append-only topic of every act of governance, replayed into memory by whoever needs it."""
