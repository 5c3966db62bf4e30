"""What a fetch brings of a topic, as bytes: batches, where their records are, compiled code that looks at many."""
