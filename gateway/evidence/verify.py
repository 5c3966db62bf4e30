"""Verifies an evidence package without any part of platestream: read this one file, then run it.

    python verify.py PACKAGE.zip [--key LEDGER-SIGNING.pub] [--ledger EXPORT]

It needs Python 3.11 and nothing else; with --key also the package `cryptography`.

A package is a zip. manifest.json names every other file but the signature, each with its SHA-256 and length.
signature.json signs (Ed25519) the text that `statement` makes: the SHA-256 of manifest.json, when it was made, and the
head of the ledger at that moment. custody.jsonl has the ledger's events about the hold, as they stand there, and their
leaves:

    leaf = SHA-256(0x00 || offset in 8 bytes || length of key in 4 || key || length of value in 4 || value)

An export of the ledger, also the public one that withholds these events, has the same leaves at the same offsets; with
--ledger they are compared. Without --key a package only proves that it agrees with itself.
"""

import base64
import binascii
import hashlib
import json
import struct
import sys
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

FORMAT = "platestream-evidence-1"
MANIFEST, SIGNATURE, CUSTODY = "manifest.json", "signature.json", "custody.jsonl"


def verify(package: Path, public_key: bytes | None = None, ledger: Path | None = None) -> Iterator[str]:
    """A sentence for each thing that is wrong; none when all agrees. Never names what is in a file."""
    try:
        with ZipFile(package) as opened:
            yield from _verify(opened, public_key, ledger)
    except (BadZipFile, KeyError, ValueError, TypeError, OSError, EOFError, NotImplementedError) as error:
        yield f"the package cannot be read to its end ({type(error).__name__})"
    except zlib.error:
        yield "the package cannot be unpacked"


def statement(offset: int, head: str, at: str, manifest_sha256: str) -> bytes:
    """What is signed of a package."""
    return f"platestream ledger head\nevidence\n{offset}\n{head}\n{at}\n{manifest_sha256}\n".encode()


def signature_file(signature: bytes, public_key: bytes) -> bytes:
    """The one way in which signature.json is written."""
    both = {"signature": signature, "public_key": public_key}
    return json.dumps({name: base64.b64encode(value).decode() for name, value in both.items()}).encode()


def leaf(offset: int, key: bytes, value: bytes) -> str:
    """The leaf of a ledger event, in hexadecimal."""
    framed = struct.pack(">I", len(key)) + key + struct.pack(">I", len(value)) + value
    return hashlib.sha256(b"\x00" + struct.pack(">Q", offset) + framed).hexdigest()


def _verify(opened: ZipFile, public_key: bytes | None, ledger: Path | None) -> Iterator[str]:
    text = opened.read(MANIFEST)
    manifest = json.loads(text)
    if manifest["format"] != FORMAT:
        yield f"the manifest is of another format than {FORMAT}"
    yield from _files(opened, manifest["files"])
    if public_key is not None and not _is_signed(opened, text, manifest, public_key):
        yield "the manifest is not signed by the key"
    lines = [json.loads(line) for line in opened.read(CUSTODY).splitlines()]
    yield from _custody(lines, manifest["hold_id"])
    if ledger is not None:
        yield from _in_ledger(lines, ledger)


def _files(opened: ZipFile, files: Iterable[dict[str, Any]]) -> Iterator[str]:
    there, named = opened.namelist(), [file["name"] for file in files] + [MANIFEST, SIGNATURE]
    yield from (f"{name} is named twice" for name in sorted({one for one in there if there.count(one) > 1}))
    yield from (f"{name} is missing" for name in named if name not in there)
    yield from (f"{name} is not in the manifest" for name in there if name not in named)
    for file in files:
        if file["name"] in there and _hash(opened, file["name"]) != (file["sha256"], file["bytes"]):
            yield f"{file['name']} was changed"


def _hash(opened: ZipFile, name: str) -> tuple[str, int] | None:
    sha256, size = hashlib.sha256(), 0
    try:
        with opened.open(name) as file:
            while part := file.read(1 << 20):
                sha256.update(part)
                size += len(part)
    except (BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError):
        return None
    return sha256.hexdigest(), size


def _is_signed(opened: ZipFile, text: bytes, manifest: dict[str, Any], public_key: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature  # noqa: PLC0415 - everything else runs without the package
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey  # noqa: PLC0415

    ledger = manifest["ledger"]
    signed = statement(ledger["offset"], ledger["head"], manifest["made_at"], hashlib.sha256(text).hexdigest())
    try:
        content = opened.read(SIGNATURE)
        signature = base64.b64decode(json.loads(content)["signature"], validate=True)
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, binascii.Error, ValueError):
        return False
    return content == signature_file(signature, public_key)


def _custody(lines: Iterable[dict[str, Any]], hold_id: str) -> Iterator[str]:
    for line in lines:
        key, value = base64.b64decode(line["key"]), base64.b64decode(line["value"])
        if leaf(line["offset"], key, value) != line["leaf"] or key != hold_id.encode():
            yield f"event {line['offset']} of the chain of custody does not agree with its leaf"


def _in_ledger(lines: Iterable[dict[str, Any]], ledger: Path) -> Iterator[str]:
    leaves = {line["offset"]: line["leaf"] for line in lines}
    with ledger.open(encoding="utf-8") as rows:
        for row in rows:
            content = json.loads(row.partition("\t")[2])
            expected = leaves.pop(content.get("offset"), None)
            if expected not in (None, content.get("leaf")):
                yield f"event {content['offset']} is another in the ledger"
    yield from (f"event {offset} is not in that export of the ledger" for offset in sorted(leaves))


def main(arguments: list[str]) -> int:
    if not arguments or arguments[0].startswith("-"):
        sys.stderr.write((__doc__ or "").split("\n\n")[1] + "\n")
        return 2
    options = dict(zip(arguments[1::2], arguments[2::2], strict=True))
    key = base64.b64decode(Path(options["--key"]).read_bytes().strip()) if "--key" in options else None
    ledger = Path(options["--ledger"]) if "--ledger" in options else None
    wrong = list(verify(Path(arguments[0]), key, ledger))
    for sentence in wrong:
        sys.stdout.write(sentence + "\n")
    sys.stdout.write("it does not verify\n" if wrong else "all agrees" + ("\n" if key else "; the key was not asked\n"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
