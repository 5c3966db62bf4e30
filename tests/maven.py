"""A folder in Maven's layout, as a repository for tests of downloads."""

import io
import tarfile
from dataclasses import replace
from pathlib import Path

from streams.embedded.cache import content_sha256_of, sha256_of
from streams.embedded.locked import Jar, JarLock


def publish(repository: Path, artifact: str, content: bytes) -> Jar:
    """Put a jar there; what the lock says of it."""
    jar = Jar(group="org.example", artifact=artifact, version="1", size_bytes=len(content), sha256="")
    return _publish(repository, jar, content)


def publish_archive(repository: Path, artifact: str, file_name: str, content: bytes) -> Jar:
    """Put an archive of one file there; what the lock says of it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        member = tarfile.TarInfo(file_name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    unpacked = repository / "unpacked"
    unpacked.mkdir(parents=True)
    (unpacked / file_name).write_bytes(content)
    jar = Jar(
        group="org.example",
        artifact=artifact,
        version="1",
        packaging="tar.gz",
        size_bytes=len(packed.getvalue()),
        sha256="",
        content_sha256=content_sha256_of(unpacked) or "",
    )
    return _publish(repository, jar, packed.getvalue())


def publish_stack(repository: Path) -> JarLock:
    """Two jars, a and b, and an archive, app, that holds runner.jar."""
    jars = (publish(repository, "a", b"a" * 100_000), publish(repository, "b", b"b"))
    return JarLock(kafka=jars, registry=publish_archive(repository, "app", "runner.jar", b"runner"))


def _publish(repository: Path, jar: Jar, content: bytes) -> Jar:
    (repository / jar.file).parent.mkdir(parents=True)
    (repository / jar.file).write_bytes(content)
    return replace(jar, sha256=sha256_of(repository / jar.file) or "")
