"""The Kafka Streams peers: compiled here with the machine's JDK, run by the Java of the embedded broker."""

import shutil
import subprocess
import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from bench.broker import BenchBroker
from bench.contenders import Contender
from bench.errors import BenchError
from bench.templates import ENTRY_KEY_MIDDLE
from schemas.versions import newest
from streams.embedded.jars import JarStore
from streams.embedded.java import java_argv
from streams.embedded.locked import Jar, read_lock

NO_JDK = "Kafka Streams is left out: there is no javac on the PATH. Install a JDK, version 17 or newer."
_SOURCE = Path(__file__).with_name("peers") / "KafkaStreamsJoin.java"
_JARS = Path(__file__).with_name("jars.toml")


@dataclass(frozen=True, kw_only=True)
class StreamsVariant:
    """`is_tuned`: byte arrays without caches, 20,000 records a poll, parallel GC; else all defaults but the commit."""

    store: str
    is_tuned: bool = True
    linger_ms: int = 5
    heap_mib: int = 6144

    @property
    def name(self) -> str:
        return f"Kafka Streams, {self.store}, {'tuned' if self.is_tuned else 'defaults'}"


def has_jdk() -> bool:
    """True when Java can be compiled on this machine."""
    return shutil.which("javac") is not None


def streams_contenders(folder: Path, variants: Iterable[StreamsVariant]) -> list[Contender]:
    """One contender a variant; compiles into `folder`. Raises BenchError when that fails, ConfigError for downloads."""
    class_path = _class_path()
    classes = folder / "classes"
    done = subprocess.run(
        ["javac", "--release", "17", "-cp", ":".join(map(str, class_path)), "-d", str(classes), str(_SOURCE)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise BenchError(f"The Kafka Streams peer does not compile: {done.stderr.strip()[:500]}")
    return [Contender(name=variant.name, argv=partial(_argv, variant, [classes, *class_path])) for variant in variants]


def _class_path() -> list[Path]:
    """The broker's jars (its clients and what they need) and the peer's own, all by their sha256."""
    broker = read_lock()
    own = tuple(Jar(**jar) for jar in tomllib.loads(_JARS.read_text())["jars"])
    store = JarStore(lock=replace(broker, kafka=(*own, *broker.kafka)))
    store.fetch()
    return store.kafka_class_path()


def _argv(variant: StreamsVariant, class_path: Sequence[Path], broker: BenchBroker, group: str) -> list[str]:
    memory = [f"-Xms{variant.heap_mib}m", "-XX:+UseParallelGC"] if variant.is_tuned else []
    main = [
        broker.kafka.bootstrap_servers,
        group,
        str(broker.folder / group / "state"),
        ENTRY_KEY_MIDDLE.decode(),
        newest("PlateRead").text,
        newest("HotlistEntry").text,
        variant.store,
        "tuned" if variant.is_tuned else "defaults",
        str(variant.linger_ms),
    ]
    return java_argv(variant.heap_mib, memory, ["-cp", ":".join(map(str, class_path)), "KafkaStreamsJoin", *main])
