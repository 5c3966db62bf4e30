"""Renews jars.toml: `python -m streams.embedded.lock` (part of `make lock`).

Change a version below, run it, and read the difference before committing it. The graph of dependencies is resolved by
jgo here, and only here: a start downloads the list that was found.
"""

import tempfile
from pathlib import Path

from jgo.maven import Artifact, MavenContext
from rich.console import Console

from streams.embedded.cache import content_sha256_of, sha256_of
from streams.embedded.downloads import known_repositories
from streams.embedded.jars import unpack
from streams.embedded.locked import LOCK_FILE, Jar, JarLock, write_lock

# "!" keeps jgo from taking the versions a root manages for its own build, which replaces kafka-clients by an older one
_KAFKA = ("org.apache.kafka:kafka_2.13:4.3.1!", "org.apache.logging.log4j:log4j-slf4j-impl:2.25.4!")
_REGISTRY = ("io.apicurio", "apicurio-registry-app", "2.6.13.Final")


def renew(file: Path = LOCK_FILE) -> JarLock:
    """Resolve, download everything once, and write the lock."""
    with tempfile.TemporaryDirectory() as folder:
        context = MavenContext(repo_cache=Path(folder), remote_repos=known_repositories())
        roots = [context.create_dependency(coordinate) for coordinate in _KAFKA]
        inputs, transitive = context.resolver.resolve(roots)
        group, artifact, version = _REGISTRY
        archive = context.project(group, artifact).at_version(version).artifact("all", "tar.gz")
        lock = JarLock(
            kafka=tuple(_locked(dependency.artifact) for dependency in [*inputs, *transitive]),
            registry=_locked(archive),
        )
    write_lock(lock, file)
    return lock


def _locked(artifact: Artifact) -> Jar:
    file = artifact.resolve()
    is_archive = artifact.packaging == "tar.gz"
    return Jar(
        group=artifact.groupId,
        artifact=artifact.artifactId,
        version=artifact.version,
        classifier=artifact.classifier,
        packaging=artifact.packaging,
        size_bytes=file.stat().st_size,
        sha256=sha256_of(file) or "",
        content_sha256=(content_sha256_of(unpack(file)) or "") if is_archive else "",
    )


if __name__ == "__main__":
    renewed = renew()
    Console().print(f"{LOCK_FILE.name}: {len(renewed.kafka)} jars of the broker, and {renewed.registry.file.name}")
