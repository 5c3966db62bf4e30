"""Off Kafka and kept: reads in ClickHouse, pictures as files, both until they are due for destruction."""
