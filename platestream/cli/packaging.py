"""Fetches an evidence package from the gateway into a folder, and keeps it there only if it verifies."""

import base64
import binascii
import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from uuid import UUID
from zipfile import ZipFile

from platestream.errors import ConfigError, IntegrityError, TransientError

if TYPE_CHECKING:
    from gateway.client import GatewayClient

_KEY_BYTES = 32


def read_key(file: Path) -> bytes:
    """The published key of the ledger. Raises ConfigError when the file holds none."""
    try:
        key = base64.b64decode(file.read_bytes().strip(), validate=True)
    except (OSError, binascii.Error):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{file} holds no key of the ledger; name the published ledger-signing.pub.")
    return key


def fetch_package(
    client: "GatewayClient", hold_id: UUID, said: Mapping[str, Any], folder: Path, public_key: bytes | None
) -> str:
    """Fetch it, check every hash and, with a key, the signature; gives a sentence of what was written where.

    Raises IntegrityError when it does not verify, TransientError when the folder cannot be written, and what the client
    raises; then nothing of it is left in the folder. Keeps: evidence.copy
    """
    with _written_beside(folder) as unfinished:
        with unfinished.open("wb") as out:
            _download(client, hold_id, said, out)
        manifest = _verified(unfinished, hold_id, public_key)
        file = folder / f"evidence-{UUID(manifest['package_id'])}.zip"
        unfinished.rename(file)
    counts = ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in manifest["counts"].items())
    signed = "the signature is the ledger's" if public_key else "the signature was not asked, --key does"
    size = file.stat().st_size
    return f"{file} has {counts} ({size} bytes); {len(manifest['files'])} files agree with their hashes, {signed}"


@contextmanager
def _written_beside(folder: Path) -> Iterator[Path]:
    """A file of one's own in the folder, gone at the end unless it was renamed."""
    unfinished = None
    try:
        handle, name = tempfile.mkstemp(prefix=".evidence-", suffix=".part", dir=folder)
        os.close(handle)
        unfinished = Path(name)
        yield unfinished
    except OSError as error:
        raise TransientError(f"{folder} cannot be written ({error.strerror}); make room or name another.") from None
    finally:
        if unfinished:
            unfinished.unlink(missing_ok=True)


def _download(client: "GatewayClient", hold_id: UUID, said: Mapping[str, Any], out: BinaryIO) -> None:
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("the gateway makes the package", total=None)

        def tell(done_bytes: int, total_bytes: int | None) -> None:
            progress.update(task, description="fetched", completed=done_bytes, total=total_bytes)

        client.evidence(hold_id, said, out, tell)


def _verified(file: Path, hold_id: UUID, public_key: bytes | None) -> dict[str, Any]:
    """The manifest of a package that is whole and of this hold."""
    from gateway.evidence.verify import MANIFEST, verify

    if wrong := list(verify(file, public_key)):
        raise IntegrityError(f"The package is not what its manifest says ({'; '.join(wrong[:3])}); nothing was kept.")
    with ZipFile(file) as opened:
        manifest: dict[str, Any] = json.loads(opened.read(MANIFEST))
    if manifest["hold_id"] != str(hold_id):
        raise IntegrityError("The package is of another hold than was asked for; nothing was kept.")
    return manifest
