"""Step 9 destroyed: what is due, by the day of collection; the sinks ask before they store."""
