"""Step 7, held: reads and pictures that an investigation or a charged person may keep beyond 60 days."""
