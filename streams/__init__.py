"""Onto Kafka and off it: the only place that configures Kafka clients."""
