"""Versions are pinned and never change."""

import json
from unittest.mock import patch

import pytest

from platestream.errors import ConfigError
from schemas import versions as module
from schemas.versions import Version, check_manifest, pin_new_versions, pinned, versions


def test_the_manifest_pins_what_the_files_say() -> None:
    check_manifest()
    assert json.loads(pin_new_versions()) == pinned()


def changed(record: str, **changes: object) -> dict[str, tuple[Version, ...]]:
    [first, *rest] = versions()[record]
    text = json.dumps({**json.loads(first.text), **changes})
    return {**versions(), record: (Version(record, first.number, text), *rest)}


@pytest.mark.parametrize("changes", [{"doc": "other words"}, {"fields": []}])
def test_a_changed_version_is_refused(changes: dict[str, object]) -> None:
    with patch.object(module, "versions", lambda: changed("PlateRead", **changes)):
        with pytest.raises(ConfigError, match="never changed"):
            check_manifest()
        with pytest.raises(ConfigError, match="PlateRead version 1"):
            pin_new_versions()


def test_a_new_version_is_added_and_refused_until_pinned() -> None:
    [first] = versions()["Suppression"]
    fresh = {**versions(), "Suppression": (first, Version("Suppression", 2, first.text))}
    with patch.object(module, "versions", lambda: fresh):
        assert set(json.loads(pin_new_versions())["Suppression"]) == {"1", "2"}
        with pytest.raises(ConfigError):
            check_manifest()
