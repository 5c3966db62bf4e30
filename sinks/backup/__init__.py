"""Backups of ledger and held reads: encrypted, destroyed by a date, and never a way back for what was destroyed."""
