"""Hotlists onto Kafka: files of plates that are looked for become entries on `hotlist-entries`, followed by step 4."""
