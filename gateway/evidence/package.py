"""Writes an evidence package: a zip of reads, alerts, pictures, notice, chain of custody and a manifest of all hashes.

The manifest is signed with the key that signs the ledger's head, together with that head, so a package is placed in the
ledger's history. `gateway/evidence/verify.py` verifies it without the rest of platestream.
"""

import base64
import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from datetime import datetime
from itertools import chain
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

from gateway.evidence.custody import Custody
from gateway.evidence.verify import FORMAT, MANIFEST, SIGNATURE, signature_file
from gateway.tables import csv_line
from schemas.messages import PictureKind
from sinks.holds.reading import HeldAlert, HeldRead, HeldReads
from sinks.holds.state import Hold
from sinks.pictures.held import StoredAs, fetch_picture
from sinks.pictures.store import PictureStore, day_of
from streams.ledger.evidence import EvidenceRequested
from streams.ledger.proof import leaf_of, read_event
from streams.ledger.signing import HeadSigner

NOTICE = """CONFIDENTIAL

This package holds licence-plate reader data under Minn. Stat. 13.824: private or nonpublic, or active criminal
investigative data. Use it only for the case it names, share it only as the statute allows and with this notice, and
destroy it when the case is over or the court orders it.

An alert in alerts.csv only indicates that a report or warrant may exist; `outcome` says what a person found, if anybody
told. A cell that a spreadsheet would take for a formula begins with an apostrophe.

manifest.json names every file with its SHA-256. To verify: python verify.py PACKAGE.zip --key ledger-signing.pub
"""
_COLUMNS = (
    "read_id", "plate", "state", "collected_at", "received_at", "device_id", "latitude", "longitude", "confidence",
    "classification",
)  # fmt: skip
_ALERT_COLUMNS = tuple(field.name for field in fields(HeldAlert))
_SUFFIXES = {"image/jpeg": "jpg", "image/png": "png"}


@dataclass(frozen=True)
class Packaged:
    """What is in a package. `manifest_sha256` stands for all of it."""

    read_count: int
    alert_count: int
    picture_count: int
    missing_pictures: int
    manifest_sha256: str


class Package:
    """Writes one package into `out`. Raises IntegrityError when a picture is not what its read says."""

    def __init__(self, out: BinaryIO, pictures: PictureStore) -> None:
        self._zip = ZipFile(out, "w", ZIP_DEFLATED)
        self._pictures = pictures
        self._files: list[dict[str, str | int]] = []
        self._counts = {"reads": 0, "alerts": 0, "pictures": 0, "missing_pictures": 0}

    def write(
        self, hold: Hold, held: HeldReads, custody: Custody, requested: EvidenceRequested, at: datetime
    ) -> dict[str, object]:
        """All files but manifest and signature; gives the manifest.

        Keeps: evidence.copy, share.notice, alert.not-probable-cause
        """
        self._add("NOTICE.txt", [NOTICE.encode()])
        missing: list[tuple[str, str, str]] = []
        wanted: list[StoredAs] = []
        self._add("reads.csv", _table(_COLUMNS, self._rows(held.read(hold.id), hold, wanted)))
        self._add("alerts.csv", _table(_ALERT_COLUMNS, self._alert_rows(held.alerts(hold.id))))
        self._add_pictures(wanted, missing)
        self._add("missing-pictures.csv", _table(("read_id", "kind", "sha256"), missing))
        self._add("custody.jsonl", _custody_lines(custody))
        return {
            "format": FORMAT,
            "package_id": str(requested.package_id),
            "made_at": at.isoformat(),
            "hold_id": str(hold.id),
            "hold_kind": hold.opened.hold_kind,
            "case_number": hold.opened.case_number,
            "document_id": requested.document_id,
            "recipient": requested.recipient,
            "ledger": {"offset": custody.offset, "head": custody.head.hex()},
            "counts": self._counts,
            "files": self._files,
        }

    def finish(self, manifest: dict[str, object], signer: HeadSigner, custody: Custody, at: datetime) -> Packaged:
        """Write and sign the manifest."""
        text = json.dumps(manifest, indent=1).encode()
        sha256 = hashlib.sha256(text).hexdigest()
        signature = signer.sign("evidence", custody.offset, custody.head, at, sha256)
        self._zip.writestr(MANIFEST, text)
        self._zip.writestr(SIGNATURE, signature_file(base64.b64decode(signature), signer.public_key))
        self._zip.close()
        counts = self._counts
        return Packaged(counts["reads"], counts["alerts"], counts["pictures"], counts["missing_pictures"], sha256)

    def close(self) -> None:
        """End the zip; safe to repeat."""
        self._zip.close()

    def _rows(self, reads: Iterable[HeldRead], hold: Hold, wanted: list[StoredAs]) -> Iterator[tuple[object, ...]]:
        for read in reads:
            self._counts["reads"] += 1
            wanted += [
                StoredAs(
                    day=day_of(read.collected_at), read_id=read.read_id, kind=PictureKind(kind), sha256=sha256,
                    holds=(hold.id,),
                )
                for kind, sha256 in read.pictures
            ]  # fmt: skip
            yield _row(read, _COLUMNS)

    def _alert_rows(self, alerts: Iterable[HeldAlert]) -> Iterator[tuple[object, ...]]:
        for alert in alerts:
            self._counts["alerts"] += 1
            yield _row(alert, _ALERT_COLUMNS)

    def _add_pictures(self, wanted: Iterable[StoredAs], missing: list[tuple[str, str, str]]) -> None:
        for picture in wanted:
            try:
                fetched = fetch_picture(self._pictures, picture)
            except FileNotFoundError:
                missing.append((str(picture.read_id), picture.kind.value, picture.sha256.hex()))
                self._counts["missing_pictures"] += 1
                continue
            name = f"pictures/{picture.read_id}/{picture.kind.value}.{_SUFFIXES.get(fetched.media_type, 'bin')}"
            self._add(name, [fetched.content])
            self._counts["pictures"] += 1

    def _add(self, name: str, parts: Iterable[bytes]) -> None:
        sha256, size = hashlib.sha256(), 0
        with self._zip.open(name, "w", force_zip64=True) as file:
            for part in parts:
                sha256.update(part)
                size += len(part)
                file.write(part)
        self._files.append({"name": name, "sha256": sha256.hexdigest(), "bytes": size})


def _table(columns: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> Iterator[bytes]:
    for row in chain([columns], rows):
        yield csv_line(row).encode()


def _row(held: HeldRead | HeldAlert, columns: tuple[str, ...]) -> tuple[object, ...]:
    return tuple(_told(getattr(held, column)) for column in columns)


def _told(value: object) -> object:
    return value.isoformat(timespec="milliseconds") if isinstance(value, datetime) else value


def _custody_lines(custody: Custody) -> Iterator[bytes]:
    for event in custody.events:
        content = read_event(event.value)
        line = {
            "offset": event.offset,
            "leaf": leaf_of(event).hex(),
            "key": base64.b64encode(event.key or b"").decode(),
            "value": base64.b64encode(event.value).decode(),
            "kind": content["kind"],
            "at_ms": content["at_ms"],
            "actor_id": content["actor_id"],
            "body": content["body"],
        }
        yield json.dumps(line).encode() + b"\n"
