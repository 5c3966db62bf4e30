"""Every Kafka client outside Faust is made here, so that all of them share one configuration.

Producers are idempotent, wait for all replicas and pick partitions as the Java client does, so that one plate meets
in one partition whoever wrote it.
"""

import ssl
from typing import Any

from aiokafka import AIOKafkaConsumer
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient

from platestream.errors import ConfigError
from platestream.settings import KafkaSettings


def producer(kafka: KafkaSettings, **options: Any) -> Producer:
    """A producer; `options` are librdkafka's, for example {"linger.ms": 5}."""
    safe = {
        "acks": "all",
        "enable.idempotence": True,
        "partitioner": "murmur2_random",
        "compression.type": "lz4",
        "linger.ms": 5,
    }
    return Producer({**_connection(kafka), **safe, **options})


def consumer(kafka: KafkaSettings, group: str, **options: Any) -> Consumer:
    """A consumer that commits only when told and starts at the beginning; `options` are librdkafka's."""
    safe = {"enable.auto.commit": False, "auto.offset.reset": "earliest", "session.timeout.ms": 10_000}
    return Consumer({**_connection(kafka), "group.id": group, **safe, **options})


def asyncio_consumer(kafka: KafkaSettings, group: str, **options: Any) -> AIOKafkaConsumer:
    """aiokafka's consumer, to be made on an event loop, that commits only when told; `options` are aiokafka's."""
    connection: dict[str, Any] = {
        "bootstrap_servers": kafka.bootstrap_servers,
        "security_protocol": kafka.security_protocol,
    }
    if kafka.security_protocol != "PLAINTEXT":
        connection["ssl_context"] = ssl_context(kafka)
    if kafka.security_protocol == "SASL_SSL":
        username, password = sasl_credentials(kafka)
        connection |= {
            "sasl_mechanism": "SCRAM-SHA-512",
            "sasl_plain_username": username,
            "sasl_plain_password": password,
        }
    return AIOKafkaConsumer(**connection, group_id=group, enable_auto_commit=False, **options)


def admin(kafka: KafkaSettings) -> AdminClient:
    """A client for topics and cluster metadata."""
    return AdminClient(_connection(kafka))


def _connection(kafka: KafkaSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "bootstrap.servers": kafka.bootstrap_servers,
        "security.protocol": kafka.security_protocol,
        "log_level": 3,
    }
    if kafka.ca_file:
        options["ssl.ca.location"] = str(kafka.ca_file)
    if kafka.security_protocol == "SASL_SSL":
        username, password = sasl_credentials(kafka)
        options |= {"sasl.mechanism": "SCRAM-SHA-512", "sasl.username": username, "sasl.password": password}
    return options


def ssl_context(kafka: KafkaSettings) -> ssl.SSLContext:
    """What a client that is not librdkafka's trusts. Raises ConfigError when the file of authorities cannot be used."""
    try:
        return ssl.create_default_context(cafile=str(kafka.ca_file) if kafka.ca_file else None)
    except OSError as error:
        raise ConfigError(f"kafka.ca_file cannot be used: {error.strerror or error}.") from None


def sasl_credentials(kafka: KafkaSettings) -> tuple[str, str]:
    """User and password. Raises ConfigError when one is not set or the password file cannot be read."""
    if not kafka.sasl_username or not kafka.sasl_password_file:
        raise ConfigError("SASL_SSL needs kafka.sasl_username and kafka.sasl_password_file; set both.")
    try:
        password = kafka.sasl_password_file.read_text().strip()
    except OSError as error:
        raise ConfigError(f"kafka.sasl_password_file cannot be read: {error.strerror}.") from None
    return kafka.sasl_username, password
