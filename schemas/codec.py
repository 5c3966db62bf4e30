"""Messages to framed Avro and back, with the wire ids the registry gave out.

Encoding writes the newest version; decoding takes any version the registry knows and resolves it to the newest.
"""

import dataclasses
import io
from collections.abc import Mapping
from typing import Any, get_args

import fastavro
from pydantic import TypeAdapter, ValidationError

from platestream.errors import ConfigError, InvalidMessage
from schemas.framing import HEADER_BYTES, frame, wire_id_of
from schemas.messages import RECORDS
from schemas.versions import Version, newest, versions

_VALIDATORS = {name: TypeAdapter(record).validator for name, record in RECORDS.items()}
_NESTED = {
    record: [
        field.name for field in dataclasses.fields(record) if any(map(dataclasses.is_dataclass, get_args(field.type)))
    ]
    for record in RECORDS.values()
}  # fields that hold tuples of dataclasses


class Codec:
    """`wire_ids` gives the registry's id of each record's versions: {"PlateRead": {1: 7}}.

    Raises ConfigError when an id of a known version is missing.
    """

    def __init__(self, wire_ids: Mapping[str, Mapping[int, int]]) -> None:
        self._writers: dict[str, tuple[int, Any]] = {}
        self._readers: dict[int, Version] = {}
        for record, all_ in versions().items():
            for version in all_:
                if version.number not in wire_ids.get(record, {}):
                    raise ConfigError(f"The registry gave no id for {record} version {version.number}.")
                self._readers[wire_ids[record][version.number]] = version
            self._writers[record] = (wire_ids[record][newest(record).number], newest(record).parsed)

    def encode(self, message: Any) -> bytes:
        """A message of schemas/messages.py as framed Avro."""
        wire_id, schema = self._writers[type(message).__name__]
        body = io.BytesIO()
        fastavro.schemaless_writer(body, schema, _datum(message))
        return frame(wire_id, body.getvalue())

    def decode(self, value: bytes | None) -> Any:
        """The message of a framed value. Raises InvalidMessage: unknown schema id, bad Avro, or values out of range."""
        version = self.version_of(value)
        assert value is not None  # noqa: S101 - version_of refuses None; this tells mypy
        body, wanted = io.BytesIO(value[HEADER_BYTES:]), newest(version.record)
        try:
            datum = fastavro.schemaless_reader(body, version.parsed, None if version is wanted else wanted.parsed)
        except Exception as error:  # fastavro raises whatever the bytes lead it into
            raise InvalidMessage("bad-avro", f"{version.record}: the Avro body is corrupt.") from error
        if body.tell() != len(value) - HEADER_BYTES:
            raise InvalidMessage("bad-avro", f"{version.record}: bytes are left over after the Avro body.")
        try:
            return _VALIDATORS[version.record].validate_python(datum)
        except ValidationError as error:
            fields = sorted({str(e["loc"][0]) for e in error.errors(include_input=False) if e["loc"]})
            raise InvalidMessage("out-of-range", f"{version.record}: not allowed in {', '.join(fields)}.") from None

    def version_of(self, value: bytes | None) -> Version:
        """The writer's version. Raises InvalidMessage when the value is not framed or its schema id is unknown."""
        wire_id = wire_id_of(value)
        if wire_id not in self._readers:
            raise InvalidMessage("unknown-schema", f"Schema id {wire_id} is not one of this system's records.")
        return self._readers[wire_id]

    def wire_id(self, record: str) -> int:
        """Id that is written for a record."""
        return self._writers[record][0]

    def wire_ids(self, record: str) -> list[int]:
        """Ids of all versions of a record, those that `decode` takes."""
        return [wire_id for wire_id, version in self._readers.items() if version.record == record]


def _datum(message: Any) -> dict[str, Any]:
    """A dataclass as a dict, those in its tuples too; unlike dataclasses.asdict without copying each value."""
    datum: dict[str, Any] = vars(message)
    return datum | {name: [*map(vars, datum[name])] for name in _NESTED[type(message)]}
