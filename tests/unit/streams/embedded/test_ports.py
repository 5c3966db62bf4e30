"""The embedded servers are on this machine only, whatever the settings say."""

import pytest

from platestream.errors import ConfigError
from platestream.settings import KafkaSettings, RegistrySettings, Settings
from streams.embedded.ports import broker_port, registry_port


def test_ports_are_those_of_the_settings() -> None:
    assert broker_port(Settings()) == 19092
    assert registry_port(Settings()) == 18081


@pytest.mark.parametrize("servers", ["kafka.example:9092", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:1,127.0.0.1:2", ""])
def test_other_brokers_are_refused(servers: str) -> None:
    with pytest.raises(ConfigError, match="PLATESTREAM_KAFKA__BOOTSTRAP_SERVERS"):
        broker_port(Settings(kafka=KafkaSettings(bootstrap_servers=servers)))


def test_encryption_is_not_promised() -> None:
    with pytest.raises(ConfigError, match="PLATESTREAM_KAFKA__SECURITY_PROTOCOL"):
        broker_port(Settings(kafka=KafkaSettings(security_protocol="SSL")))


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1:8081/apis/ccompat/v7",
        "http://registry.example:8081/apis/ccompat/v7",
        "http://127.0.0.1/apis/ccompat/v7",
        "http://127.0.0.1:x/apis/ccompat/v7",
        "http://127.0.0.1:8081",
        "",
    ],
)
def test_other_registries_are_refused(url: str) -> None:
    with pytest.raises(ConfigError, match="PLATESTREAM_REGISTRY__URL"):
        registry_port(Settings(registry=RegistrySettings(url=url)))
