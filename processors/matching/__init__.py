"""Step 4, matched: reads are compared with the hotlist, and what agrees becomes an alert."""
