"""How Faust is configured, and that its driver is what streams/workers/transport.py overrides."""

import inspect
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import certifi
import pytest
from faust.types.auth import AuthProtocol

from platestream.errors import ConfigError
from platestream.settings import KafkaSettings
from streams.chunks.signatures import FETCHING, check_signatures
from streams.workers.app import faust_app, faust_options
from streams.workers.signatures import EXPECTED
from streams.workers.thread import Thread
from streams.workers.transport import Consumer, Transport, stock


def test_an_app_speaks_to_all_brokers_through_our_transport_and_serves_nothing() -> None:
    kafka = KafkaSettings(bootstrap_servers="one:9092, two:9093")
    app = faust_app(kafka, "group", session_timeout_seconds=10)
    assert isinstance(app.transport, Transport)
    assert [str(url) for url in app.conf.broker] == ["kafka://one:9092", "kafka://two:9093"]
    assert app.conf.id == "group"
    assert app.conf.processing_guarantee.value == "at_least_once"
    assert app.conf.broker_session_timeout == 10
    assert app.conf.consumer_auto_offset_reset == "earliest"
    assert not (app.conf.web_enabled or app.conf.topic_allow_declare or app.conf.broker_credentials)
    assert app.conf.topic_disable_leader


def test_tls_and_passwords(tmp_path: Path) -> None:
    ca_file, password_file = Path(certifi.where()), tmp_path / "password"
    password_file.write_text("secret\n")
    tls = faust_options(KafkaSettings(security_protocol="SSL", ca_file=ca_file))["broker_credentials"]
    assert tls.protocol is AuthProtocol.SSL
    both = faust_options(
        KafkaSettings(
            security_protocol="SASL_SSL", ca_file=ca_file, sasl_username="worker", sasl_password_file=password_file
        )
    )["broker_credentials"]
    assert (both.protocol, both.mechanism.value) == (AuthProtocol.SASL_SSL, "SCRAM-SHA-512")
    assert (both.username, both.password) == ("worker", "secret")
    assert "secret" not in repr(both)


def test_missing_secrets_are_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="sasl_username and kafka.sasl_password_file"):
        faust_options(KafkaSettings(security_protocol="SASL_SSL"))
    with pytest.raises(ConfigError, match="cannot be read"):
        faust_options(
            KafkaSettings(security_protocol="SASL_SSL", sasl_username="w", sasl_password_file=tmp_path / "none")
        )
    with pytest.raises(ConfigError, match=r"kafka\.ca_file cannot be used"):
        faust_options(KafkaSettings(security_protocol="SSL", ca_file=tmp_path / "none"))


def test_what_the_transport_relies_on_is_as_it_was_written_for() -> None:
    assert (version("faust-streaming"), version("aiokafka")) == ("0.15.3", "0.14.0")
    check_signatures({**EXPECTED, **FETCHING})


def test_another_library_is_a_sentence_that_names_what_differs() -> None:
    with pytest.raises(ConfigError, match=r"Consumer\._seek takes other parameters.*requirements\.lock"):
        check_signatures({stock.Consumer._seek: "self partition"})


OVERRIDDEN = [
    member
    for ours, theirs in [(Consumer, stock.Consumer), (Thread, stock.AIOKafkaConsumerThread)]
    for name in vars(ours)
    if inspect.isfunction(member := getattr(theirs, name, None)) and name != "__init__"
]


@pytest.mark.parametrize("member", OVERRIDDEN, ids=lambda member: member.__qualname__)
def test_what_is_overridden_is_checked(member: Callable[..., Any]) -> None:
    assert member in EXPECTED
