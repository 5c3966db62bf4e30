"""Faust apps of the processors: the only place that configures Faust's Kafka clients."""

from typing import Any

import faust
from faust.types.auth import CredentialsT, SASLMechanism

from platestream.settings import KafkaSettings
from streams.clients import sasl_credentials, ssl_context
from streams.workers.transport import Transport


def faust_app(
    kafka: KafkaSettings,
    group: str,
    *,
    session_timeout_seconds: int,
    table_silence_seconds: float = 10,
    **options: Any,
) -> faust.App:
    """An app of consumer group `group`: at least once, tables in memory, no web pages, no topics of its own.

    Its sources wait while its tables were last known to be current longer than `table_silence_seconds` ago.
    `options` are Faust's, for example datadir. Raises ConfigError when secrets cannot be read.
    """
    app = faust.App(
        group,
        **faust_options(kafka),
        broker_session_timeout=session_timeout_seconds,
        broker_heartbeat_interval=min(3.0, session_timeout_seconds / 5),  # a rebalance is heard of by it
        **options,
    )
    app.transport = Transport(app.conf.broker_consumer, app)
    app.transport.table_silence_seconds = table_silence_seconds
    return app


def faust_options(kafka: KafkaSettings) -> dict[str, Any]:
    """What every app has in common, as options of faust.App."""
    return {
        "broker": "kafka://" + ";".join(server.strip() for server in kafka.bootstrap_servers.split(",")),
        "broker_credentials": _credentials(kafka),
        "broker_commit_interval": 1.0,
        "stream_buffer_maxsize": 8,  # chunks
        "consumer_auto_offset_reset": "earliest",
        "store": "memory://",
        # it fails a table that went on while its end was asked for; freshness.py finds a topic that was replaced
        "recovery_consistency_check": False,
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
    }


def _credentials(kafka: KafkaSettings) -> CredentialsT | None:
    if kafka.security_protocol == "PLAINTEXT":
        return None
    context = ssl_context(kafka)
    if kafka.security_protocol == "SSL":
        return faust.SSLCredentials(context)
    username, password = sasl_credentials(kafka)
    return faust.SASLCredentials(
        username=username, password=password, ssl_context=context, mechanism=SASLMechanism.SCRAM_SHA_512
    )
