"""The versions of every Avro record, read from schemas/records, and their pinned fingerprints.

A version is never changed once its fingerprint stands in schemas/manifest.json; `python -m schemas.versions` adds the
fingerprints of new ones.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

from platestream.errors import ConfigError

_FOLDERS = files("schemas") / "records"
_MANIFEST = files("schemas") / "manifest.json"


@dataclass(frozen=True)
class Version:
    """One immutable version of a record: `text` as registered, `parsed` for fastavro."""

    record: str
    number: int
    text: str

    @property
    def parsed(self) -> Any:
        return _parse(self.text)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the file's JSON with its keys in order: names, types, defaults, docs and field order."""
        return str(fingerprint(json.dumps(json.loads(self.text), sort_keys=True), "SHA-256"))

    @property
    def canonical(self) -> str:
        """Avro's parsing canonical form: equal for two texts that mean the same bytes."""
        return str(to_parsing_canonical_form(self.parsed))


@cache
def _parse(text: str) -> Any:
    return fastavro.parse_schema(json.loads(text))


@cache
def versions() -> dict[str, tuple[Version, ...]]:
    """All versions by record name, oldest first."""
    found: dict[str, list[Version]] = {}
    for version in _read_files():
        found.setdefault(version.record, []).append(version)
    return {record: tuple(sorted(all_, key=lambda v: v.number)) for record, all_ in found.items()}


def newest(record: str) -> Version:
    """The version that is written."""
    return versions()[record][-1]


def _read_files() -> Iterator[Version]:
    for folder in _FOLDERS.iterdir():
        for file in folder.iterdir() if folder.is_dir() else ():
            if file.name.endswith(".avsc"):
                text = file.read_text()
                yield Version(json.loads(text)["name"], int(file.name.removesuffix(".avsc")), text)


def pinned() -> dict[str, dict[str, str]]:
    """Fingerprints of the manifest: record, version number, fingerprint."""
    manifest: dict[str, dict[str, str]] = json.loads(_MANIFEST.read_text())
    return manifest


def check_manifest() -> None:
    """Raises ConfigError when a version is not pinned or is not what was pinned."""
    actual = {record: {str(v.number): v.fingerprint for v in all_} for record, all_ in versions().items()}
    if actual != pinned():
        raise ConfigError(
            "schemas/records differs from schemas/manifest.json. A pinned version is never changed: write a new one "
            "and run `python -m schemas.versions`."
        )


def pin_new_versions() -> str:
    """The manifest's text with new versions added. Raises ConfigError when a pinned one was changed."""
    manifest = pinned()
    for record, all_ in versions().items():
        for version in all_:
            known = manifest.setdefault(record, {}).setdefault(str(version.number), version.fingerprint)
            if known != version.fingerprint:
                raise ConfigError(f"{record} version {version.number} was changed after it was pinned; restore it.")
    return json.dumps(manifest, indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    from pathlib import Path

    Path(str(_MANIFEST)).write_text(pin_new_versions())
