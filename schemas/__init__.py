"""What is said on Kafka: records as immutable Avro versions, topics as files, the codec and plate folding."""
