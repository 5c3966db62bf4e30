"""The list of suppressed plates: its topic, its key and those who follow it (rule retention.suppressed)."""
