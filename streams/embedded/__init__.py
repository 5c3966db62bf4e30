"""The servers behind the data's path on one machine: a Kafka broker and a schema registry as child processes."""
