"""Steps 1 to 3 of a read's path: heard from a reader, spooled on disk, published to Kafka."""
