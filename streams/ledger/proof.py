"""Verifies the ledger, or an export of it, without any part of platestream: read this one file, then run it.

    python proof.py EXPORT [--key PUBLIC_KEY] [--against OTHER_EXPORT] [--print]

It needs Python 3.11 and nothing else; with --key also the package `cryptography`.

The chain. All numbers are big-endian and unsigned; || joins bytes; a key that is absent has the length 2**32-1.

    leaf_n = SHA-256(0x00 || n in 8 bytes || length of key in 4 || key || length of value in 4 || value)
    head_n = SHA-256(0x01 || head_n-1 || leaf_n), where head_-1 is 32 zero bytes

An export is a text of lines, each `<check> TAB <JSON> LF`, where check is the SHA-256, in lower case hexadecimal, of
the check before (64 characters, nothing before the first line) followed by the JSON. The first line is the header.
Then there is one line for each event from offset 0: its leaf in hexadecimal, and either its key and value in base64, or
what is withheld, how it is classified and why. The last line has the head and its signature: Ed25519 over the text that
`statement` makes. A value is a Confluent frame (5 bytes) and Avro, which `read_event` reads.

What it shows. The checks place a changed byte in its line. The leaves place a changed event, the offsets a missing,
added or moved one. Who rewrites all of it consistently is found by the signed head alone, so without --key an export
proves only that it agrees with itself. Where the change was is then told by an export kept elsewhere: --against.
"""

import base64
import binascii
import hashlib
import json
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple
from uuid import UUID

FORMAT = "platestream-ledger-export-1"
HEAD_KIND = "ledger-head-signed"
START = bytes(32)
_NO_KEY = 2**32 - 1
MOST_FAULTS = 1000


class Event(NamedTuple):
    """A record of the ledger topic as it stands there."""

    offset: int
    key: bytes | None
    value: bytes


class Row(NamedTuple):
    """One event of an export; `event` is None where it is withheld."""

    offset: int
    leaf: bytes
    event: Event | None


class Fault(NamedTuple):
    """What is wrong: changed, missing, added, reordered, unreadable or unsigned; at which offset, -1 for the frame."""

    kind: str
    offset: int
    sentence: str


def leaf_of(event: Event) -> bytes:
    """The leaf of an event at its offset."""
    key = struct.pack(">I", _NO_KEY) if event.key is None else struct.pack(">I", len(event.key)) + event.key
    return hashlib.sha256(
        b"\x00" + struct.pack(">Q", event.offset) + key + struct.pack(">I", len(event.value)) + event.value
    ).digest()


def next_head(head: bytes, leaf: bytes) -> bytes:
    """The head after one more leaf."""
    return hashlib.sha256(b"\x01" + head + leaf).digest()


def check_of(before: str, text: str) -> str:
    """The check of a line of an export."""
    return hashlib.sha256((before + text).encode()).hexdigest()


def statement(topic: str, offset: int, head: bytes, at: str, lines: str = "") -> bytes:
    """What is signed about a head: the topic, the offset of its last event, when, and an export's last check."""
    return f"platestream ledger head\n{topic}\n{offset}\n{head.hex()}\n{at}\n{lines}\n".encode()


def is_signed(public_key: bytes, signature: str, signed: bytes) -> bool:
    """Whether an Ed25519 signature in base64 is that of the key (32 bytes)."""
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - everything else runs without the package
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(base64.b64decode(signature, validate=True), signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return True


def read_event(value: bytes) -> dict[str, Any]:
    """The fields of an event. Raises ValueError when the bytes are no ledger event of version 1."""
    reader = _Avro(value[5:])
    if len(value) < 5 or value[0] != 0:
        raise ValueError("not framed")
    event: dict[str, Any] = {"event_id": str(UUID(reader.text())), "kind": reader.text(), "at_ms": reader.long()}
    event |= {"actor_id": reader.text(), "subject_id": reader.text(), "nonce": reader.take(16).hex()}
    event["body"] = json.loads(reader.text())
    sealed: list[str] = []
    while (count := reader.long()) != 0:
        if not 0 < count <= len(value):
            raise ValueError("not an array as it is written here")
        sealed += [base64.b64encode(reader.bytes()).decode() for _ in range(count)]
    event["sealed"] = sealed
    event["plate_hash"] = reader.bytes().hex() if reader.long() else None
    if reader.left():
        raise ValueError("bytes are left over")
    return event


class _Avro:
    """Reads Avro's binary encoding from the front."""

    def __init__(self, data: bytes) -> None:
        self._data, self._at = data, 0

    def take(self, length: int) -> bytes:
        if not 0 <= length <= self.left():
            raise ValueError("cut short")
        self._at += length
        return self._data[self._at - length : self._at]

    def long(self) -> int:
        value = shift = 0
        for byte in self._data[self._at : self._at + 10]:
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                break
            shift += 7
        else:
            raise ValueError("cut short")
        return (value >> 1) ^ -(value & 1)

    def bytes(self) -> bytes:
        return self.take(self.long())

    def text(self) -> str:
        return self.bytes().decode()

    def left(self) -> int:
        return len(self._data) - self._at


class Chain:
    """Follows events in their order: offsets from 0 without a hole, each readable, heads as they were signed."""

    def __init__(self, topic: str, public_key: bytes | None) -> None:
        self.topic, self._public_key = topic, public_key
        self.head, self.count, self.signed_heads = START, 0, 0
        self._faults: list[Fault] = []
        self._missing: dict[int, None] = {}
        self._before_jump = -1
        self._heads = bytearray()
        self._sound_until = -1  # offset of the last head whose signature agrees

    @property
    def faults(self) -> list[Fault]:
        """What was found so far."""
        told = {fault.offset for fault in self._faults}
        gaps = [at for at in self._missing if at not in told]
        return self._faults + [Fault("missing", at, f"event {at} is missing") for at in gaps]

    def note(self, kind: str, offset: int, sentence: str) -> None:
        """Something is wrong at an offset, -1 when it is none of an event."""
        self._faults.append(Fault(kind, offset, sentence))

    def take(self, offset: int, leaf: bytes, event: Event | None) -> None:
        """The next event, with the leaf that is on record for it."""
        if offset != self.count:
            self._place(offset)
        else:
            self.count, self._before_jump = offset + 1, -1
        if event is not None:
            self._read(offset, leaf, event)
        self.head = next_head(self.head, leaf)
        self._heads += self.head

    def take_unreadable(self, what: str) -> None:
        """Something that cannot be read stands where the next event should be."""
        self.note("unreadable", self.count, f"{what}, where event {self.count} should be, cannot be read")
        self.take(self.count, START, None)

    def _place(self, offset: int) -> None:
        if offset in self._missing:
            del self._missing[offset]
            self.note("reordered", offset, f"event {offset} stands behind event {self.count - 1}")
        elif offset == self._before_jump + 1:  # one event had a wrong offset, none is missing
            self.note("changed", self._before_jump, f"event {self._before_jump} has another's offset")
            self._missing = {at: None for at in self._missing if at < self._before_jump}
            self.count = offset + 1
        elif offset > self.count:
            self._missing.update(dict.fromkeys(range(self.count, min(offset, self.count + MOST_FAULTS))))
            self._before_jump, self.count = self.count, offset + 1
        else:
            self.note("added", offset, f"there is a second event {offset}")

    def _read(self, offset: int, leaf: bytes, event: Event) -> None:
        if leaf_of(event) != leaf:
            self.note("changed", offset, f"event {offset} is not the one that its leaf stands for")
        try:
            content = read_event(event.value)
        except (ValueError, UnicodeDecodeError):
            self.note("unreadable", offset, f"event {offset} is no ledger event")
            return
        if content["kind"] == HEAD_KIND:
            self._compare_head(offset, content["body"])

    def _compare_head(self, offset: int, body: Any) -> None:
        """A head that was signed into the ledger must be the head that comes out here."""
        try:
            of, head, at, signature = (body[name] for name in ("offset", "head", "at", "signature"))
            signed = statement(self.topic, of, bytes.fromhex(head), at)
            here = bytes(self._heads[of * 32 : of * 32 + 32]).hex()
        except (KeyError, TypeError, ValueError):
            self.note("unreadable", offset, f"the signed head in event {offset} is of no known form")
            return
        if self._public_key is not None and not is_signed(self._public_key, signature, signed):
            self.note("unsigned", offset, f"the head in event {offset} was not signed by the key")
        elif self._faults or self._missing:
            return  # what follows a fault leads to no head
        elif not 0 <= of < offset or here != head:
            between = f"an event from {self._sound_until + 1} to {of} is not what it was when event {offset} was signed"
            self.note("changed", self._sound_until + 1, between)
        else:
            self._sound_until, self.signed_heads = of, self.signed_heads + 1


class Export:
    """Reads an export line by line and notes what is wrong with it in `chain.faults`."""

    def __init__(self, lines: Iterable[bytes], public_key: bytes | None = None) -> None:
        self._lines, self._public_key = lines, public_key
        self._bases: set[str] = {""}
        self.header: dict[str, Any] = {}
        self.end: dict[str, Any] | None = None
        self.chain = Chain("", public_key)

    def rows(self) -> Iterator[Row]:
        """Every event line that can be read, in the order of the file."""
        for number, line in enumerate(self._lines, 1):
            content = self._content(number, line)
            if self.end is not None:
                self.chain.note("added", -1, f"line {number} stands behind the end")
            elif number == 1:
                self._begin(content)
            elif content is not None and "end" in content:
                self.end = content
                self._finish(content)
            elif (row := _row(content)) is None:
                self.chain.take_unreadable(f"line {number}")
            else:
                self.chain.take(row.offset, row.leaf, row.event)
                yield row
        if self.end is None:
            self.chain.note("missing", -1, f"the export is cut short behind event {self.chain.count - 1}")

    def _content(self, number: int, line: bytes) -> dict[str, Any] | None:
        stated, _, text = line.decode(errors="replace").partition("\t")
        wanted = {check_of(base, text[:-1]) for base in self._bases}
        if stated not in wanted or not line.endswith(b"\n"):
            at = self.chain.count if number > 1 and '"end"' not in text else -1
            self.chain.note("changed", at, f"line {number}, or what stood before it, is not as it was written")
        self._before, self._bases = self._bases, {stated, *wanted}
        try:
            content = json.loads(text)
        except ValueError:
            return None
        return content if isinstance(content, dict) else None

    def _begin(self, content: dict[str, Any] | None) -> None:
        self.header = content or {}
        if self.header.get("format") != FORMAT:
            self.chain.note("unreadable", -1, f"the first line does not say {FORMAT}")
        self.chain.topic = str(self.header.get("topic"))

    def _finish(self, content: dict[str, Any]) -> None:
        try:
            end, signature = content["end"], content["signature"]
            signed = statement(self.chain.topic, end["offset"], bytes.fromhex(end["head"]), end["at"], end["lines"])
            agrees = (end["head"], end["offset"]) == (self.chain.head.hex(), self.chain.count - 1)
        except (KeyError, TypeError, ValueError):
            self.chain.note("unreadable", -1, "the last line is of no known form")
            return
        if not self.chain.faults and not agrees:
            self.chain.note("changed", -1, "the leaves do not lead to the head: some are not those that were signed")
        if not self.chain.faults and end["lines"] not in self._before:
            self.chain.note("changed", -1, "the lines are not those that were signed")
        if self._public_key is not None and not is_signed(self._public_key, str(signature), signed):
            self.chain.note("unsigned", -1, "the head was not signed by the key")


def _row(content: dict[str, Any] | None) -> Row | None:
    try:
        assert content is not None  # noqa: S101 - answered as the other malformed lines
        offset, leaf = content["offset"], bytes.fromhex(content["leaf"])
        if type(offset) is not int or offset < 0 or len(leaf) != 32:
            return None
        if "withheld" in content:
            return Row(offset, leaf, None)
        key = None if content["key"] is None else base64.b64decode(content["key"], validate=True)
        return Row(offset, leaf, Event(offset, key, base64.b64decode(content["value"], validate=True)))
    except (AssertionError, KeyError, TypeError, ValueError):
        return None


def main(arguments: list[str]) -> int:
    """0 when nothing is wrong, 3 when something is."""
    import argparse  # noqa: PLC0415 - for the command alone

    parser = argparse.ArgumentParser(description="Verify an export of a platestream ledger.")
    parser.add_argument("export")
    parser.add_argument("--key", help="file of the public key that signed (32 bytes in base64)")
    parser.add_argument("--against", help="another export of the same ledger, kept elsewhere")
    parser.add_argument("--print", action="store_true", help="print the events, one JSON object a line")
    asked = parser.parse_args(arguments)
    public_key = base64.b64decode(open(asked.key).read()) if asked.key else None
    with open(asked.export, "rb") as lines:
        export = Export(lines, public_key)
        kept = [row for row in export.rows() if asked.print or asked.against]
    faults = list(export.chain.faults)
    if asked.against:
        with open(asked.against, "rb") as lines:
            other = Export(lines, public_key)
            faults += compare_rows(kept, list(other.rows())) + other.chain.faults
    for row in kept if asked.print else ():
        shown = read_event(row.event.value) if row.event else None
        sys.stdout.write(json.dumps({"offset": row.offset, "event": shown}) + "\n")
    for fault in faults:
        sys.stderr.write(f"{fault.kind}: {fault.sentence}\n")
    trust = "signed by the key" if public_key else "in agreement with itself; without --key it proves no more"
    sys.stderr.write(f"{export.chain.count} events, {f'{len(faults)} faults' if faults else trust}\n")
    return 3 if faults else 0


def compare_rows(rows: Sequence[Row], others: Sequence[Row]) -> list[Fault]:
    """Where two exports have different leaves for one offset, as far as both reach."""
    leaves = {row.offset: row.leaf for row in others}
    return [
        Fault("changed", row.offset, f"event {row.offset} differs between the exports")
        for row in rows
        if leaves.get(row.offset, row.leaf) != row.leaf
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
