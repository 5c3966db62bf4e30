"""Record versions in the real registry: ids looked up, kept on disk, incompatible versions refused."""

import json
from pathlib import Path
from unittest.mock import patch

import pytest

from platestream.errors import ConfigError, TransientError
from platestream.settings import RegistrySettings, Settings
from schemas import versions as versions_module
from schemas.versions import Version, versions
from streams import registry
from streams.registry import load_codec, look_up_wire_ids, register_schemas


def with_second_version(**changes: object) -> dict[str, tuple[Version, ...]]:
    [first] = versions()["AlertOutcome"]
    text = json.dumps({**json.loads(first.text), **changes})
    return {"AlertOutcome": (first, Version("AlertOutcome", 2, text))}


def register_only(url: str, some: dict[str, tuple[Version, ...]]) -> dict[str, dict[int, int]]:
    with patch.object(registry, "versions", lambda: some), patch.object(registry, "check_manifest", lambda: None):
        return register_schemas(url)


def test_registering_again_gives_the_same_ids(registry_url: str) -> None:
    first = register_schemas(registry_url)
    assert register_schemas(registry_url) == look_up_wire_ids(registry_url) == first
    assert {record: set(ids) for record, ids in first.items()} == {
        record: {version.number for version in all_} for record, all_ in versions().items()
    }


def test_an_incompatible_version_is_refused(registry_url: str) -> None:
    register_schemas(registry_url)
    fields = json.loads(versions()["AlertOutcome"][0].text)["fields"]
    breaking = [*fields, {"name": "officer", "type": "string"}]
    with pytest.raises(ConfigError, match="AlertOutcome version 2 was refused"):
        register_only(registry_url, with_second_version(fields=breaking))


def test_a_compatible_version_gets_an_id_of_its_own(registry_url: str) -> None:
    register_schemas(registry_url)
    fields = json.loads(versions()["AlertOutcome"][0].text)["fields"]
    grown = [*fields, {"name": "remark", "type": ["null", "string"], "default": None}]
    ids = register_only(registry_url, with_second_version(fields=grown))["AlertOutcome"]
    assert ids[1] != ids[2]


def test_a_start_without_the_registry_uses_the_ids_of_the_last(
    registry_url: str, tmp_path: Path, unused_tcp_port: int
) -> None:
    register_schemas(registry_url)
    online = Settings(home=tmp_path, registry=RegistrySettings(url=registry_url))
    wire_id = load_codec(online).wire_id("PlateRead")
    [file] = (tmp_path / "registry-ids").iterdir()
    away = Settings(home=tmp_path, registry=RegistrySettings(url=f"http://127.0.0.1:{unused_tcp_port}/apis/ccompat/v7"))
    with pytest.raises(TransientError, match="registry does not answer"):
        load_codec(away)
    file.rename(file.parent / registry_file(away))
    assert load_codec(away).wire_id("PlateRead") == wire_id


def registry_file(settings: Settings) -> str:
    return registry.ids_file(settings).name


def test_an_unregistered_version_is_a_configuration_error(registry_url: str) -> None:
    register_schemas(registry_url)
    [first] = versions_module.versions()["Suppression"]
    unknown = Version("Suppression", 2, first.text.replace("UTC", "in UTC"))
    with (
        patch.object(registry, "versions", lambda: {"Suppression": (unknown,)}),
        patch.object(registry, "check_manifest", lambda: None),
        pytest.raises(ConfigError, match="platestream schemas register"),
    ):
        look_up_wire_ids(registry_url)
