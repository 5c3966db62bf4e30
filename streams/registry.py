"""The schema registry: registers the versions of schemas/records, looks their wire ids up and keeps them on disk.

The ids are the registry's own and differ between environments. They are kept in a file beside the data, so that a
process also starts while the registry is down.
"""

import hashlib
import json
import os
from pathlib import Path

from confluent_kafka.schema_registry import Schema, SchemaRegistryClient
from confluent_kafka.schema_registry.error import SchemaRegistryError
from httpx2 import HTTPError

from platestream.errors import ConfigError, TransientError
from platestream.settings import Settings
from schemas.codec import Codec
from schemas.topics import topics
from schemas.versions import Version, check_manifest, versions

WireIds = dict[str, dict[int, int]]
_COMPATIBILITY = "FULL_TRANSITIVE"


def register_schemas(url: str) -> WireIds:
    """Register every version, oldest first, and return the ids. Safe to repeat.

    Raises ConfigError when the registry finds a version incompatible, TransientError when it is away.
    """
    check_manifest()
    with _client(url) as client:
        return {
            record: {version.number: _register(client, _subject(record), version) for version in all_}
            for record, all_ in versions().items()
        }


def look_up_wire_ids(url: str) -> WireIds:
    """Ids of all versions. Raises ConfigError when one is not registered, TransientError when the registry is away."""
    check_manifest()
    with _client(url) as client:
        return {
            record: {version.number: _look_up(client, _subject(record), version) for version in all_}
            for record, all_ in versions().items()
        }


def load_codec(settings: Settings) -> Codec:
    """A codec with the registry's ids, or with those of the last start when the registry is down.

    Raises ConfigError when a version is not registered, TransientError when the registry is down at the first start.
    """
    file = ids_file(settings)
    try:
        wire_ids = look_up_wire_ids(settings.registry.url)
    except TransientError:
        if not file.exists():
            raise
        return Codec(_read(file))
    _write(file, wire_ids)
    return Codec(wire_ids)


def ids_file(settings: Settings) -> Path:
    """Where the ids of the settings' registry are kept."""
    name = hashlib.sha256(settings.registry.url.encode()).hexdigest()[:16]
    return settings.home / "registry-ids" / f"{name}.json"


def _subject(record: str) -> str:
    [name] = [topic.name for topic in topics().values() if topic.record == record]
    return f"{name}-value"


def _client(url: str) -> SchemaRegistryClient:
    return SchemaRegistryClient({"url": url, "timeout": 10, "max.retries": 1})


def _register(client: SchemaRegistryClient, subject: str, version: Version) -> int:
    try:
        wire_id = int(client.register_schema(subject, Schema(version.text, "AVRO")))
        client.set_compatibility(subject, _COMPATIBILITY)
    except SchemaRegistryError as error:
        raise _explain(error, subject, version, "was refused by the registry") from error
    except HTTPError as error:
        raise TransientError(f"The schema registry does not answer: {type(error).__name__}.") from error
    return wire_id


def _look_up(client: SchemaRegistryClient, subject: str, version: Version) -> int:
    try:
        found = client.lookup_schema(subject, Schema(version.text, "AVRO"))
    except SchemaRegistryError as error:
        raise _explain(error, subject, version, "is not in the registry; run `platestream schemas register`") from error
    except HTTPError as error:
        raise TransientError(f"The schema registry does not answer: {type(error).__name__}.") from error
    if found.schema_id is None:
        raise ConfigError(f"The registry gave no id for {version.record} version {version.number}.")
    return int(found.schema_id)


def _explain(error: SchemaRegistryError, subject: str, version: Version, what: str) -> ConfigError | TransientError:
    if error.http_status_code >= 500:
        return TransientError(f"The schema registry failed with status {error.http_status_code}.")
    return ConfigError(
        f"{version.record} version {version.number} {what} (subject {subject}, status {error.http_status_code})."
    )


def _read(file: Path) -> WireIds:
    return {
        record: {int(number): wire_id for number, wire_id in ids.items()}
        for record, ids in json.loads(file.read_text()).items()
    }


def _write(file: Path, wire_ids: WireIds) -> None:
    """Written beside, under a name of this process, and renamed: others neither read half of it nor rename it away."""
    file.parent.mkdir(parents=True, exist_ok=True)
    fresh = file.with_suffix(f".{os.getpid()}")
    fresh.write_text(json.dumps(wire_ids))
    fresh.replace(file)
