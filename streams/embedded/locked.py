"""What jars.toml says: the exact files the embedded servers are made of, each with version and sha256."""

import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

LOCK_FILE = Path(__file__).with_name("jars.toml")


@dataclass(frozen=True, kw_only=True)
class Jar:
    """One file of a Maven repository. An archive also has the sha256 of its content once unpacked."""

    group: str
    artifact: str
    version: str
    classifier: str = ""
    packaging: str = "jar"
    size_bytes: int
    sha256: str
    content_sha256: str = ""

    @property
    def file(self) -> Path:
        """Where it lies in a repository of Maven's layout."""
        classifier = f"-{self.classifier}" if self.classifier else ""
        name = f"{self.artifact}-{self.version}{classifier}.{self.packaging}"
        return Path(*self.group.split("."), self.artifact, self.version, name)


@dataclass(frozen=True, kw_only=True)
class JarLock:
    """The broker's class path, in order, and the registry as one archive."""

    kafka: tuple[Jar, ...]
    registry: Jar


def read_lock(file: Path = LOCK_FILE) -> JarLock:
    """The lock as it is in the package."""
    content = tomllib.loads(file.read_text())
    return JarLock(kafka=tuple(Jar(**jar) for jar in content["kafka"]), registry=Jar(**content["registry"]))


def write_lock(lock: JarLock, file: Path = LOCK_FILE) -> None:
    """Write the lock as TOML; what is empty is left out."""
    sections = [("[registry]", lock.registry), *(("[[kafka]]", jar) for jar in lock.kafka)]
    blocks = ["# Written by `python -m streams.embedded.lock`."]
    for head, jar in sections:
        blocks.append("\n".join([head, *(f"{key} = {_toml(value)}" for key, value in asdict(jar).items() if value)]))
    file.write_text("\n\n".join(blocks) + "\n")


def _toml(value: str | int) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
