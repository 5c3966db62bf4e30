"""Downloads locked files through jgo, several at once; what arrives is compared with the lock before anyone sees it."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Lock

from jgo.config import GlobalSettings
from jgo.constants import MAVEN_CENTRAL_URL
from jgo.maven import Artifact, MavenContext, PythonResolver
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_exponential

from platestream.errors import ConfigError
from streams.embedded.cache import sha256_of
from streams.embedded.locked import Jar

OnProgress = Callable[[int, int], None]
"""Told bytes done and bytes in all, now and then; never by two threads at once."""

_AT_ONCE = 8
_TIMEOUT_SECONDS = 30


def known_repositories() -> dict[str, str]:
    """Name to URL: what jgo's config file lists under [repositories], then Maven's central one if not listed there."""
    listed: dict[str, str] = GlobalSettings.load().repositories
    return {**listed, "central": listed.get("central", MAVEN_CENTRAL_URL)}


def download(jars: Sequence[Jar], folder: Path, repositories: Mapping[str, str], on_progress: OnProgress) -> None:
    """Download into `folder`, in Maven's layout.

    Raises ConfigError for the first that fails or has another sha256; the others are then given up.
    """
    meter = _Meter(sum(jar.size_bytes for jar in jars), on_progress)
    resolver = PythonResolver(progress_callback=meter.of_one_file)
    context = MavenContext(resolver, folder, [], dict(repositories), timeout=_TIMEOUT_SECONDS)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        try:
            largest_first = sorted(jars, key=lambda jar: -jar.size_bytes)
            for done in as_completed([pool.submit(_download_one, jar, context) for jar in largest_first]):
                done.result()
        except BaseException:
            meter.given_up.set()
            pool.shutdown(cancel_futures=True)
            raise


class _Meter:
    """Adds up the bytes of all files; once given up, the next piece of each file ends its download."""

    def __init__(self, total_bytes: int, on_progress: OnProgress) -> None:
        self.given_up = Event()
        self._total_bytes = total_bytes
        self._done_bytes = 0
        self._on_progress = on_progress
        self._lock = Lock()

    @contextmanager
    def of_one_file(self, _name: str, _size_bytes: int) -> Iterator[Callable[[int], None]]:
        yield self._add

    def _add(self, piece_bytes: int) -> None:
        if self.given_up.is_set():
            raise RuntimeError("given up")
        with self._lock:
            self._done_bytes += piece_bytes
            self._on_progress(self._done_bytes, self._total_bytes)


def _download_one(jar: Jar, context: MavenContext) -> None:
    artifact = context.project(jar.group, jar.artifact).at_version(jar.version).artifact(jar.classifier, jar.packaging)
    file = context.repo_cache / jar.file
    try:
        for attempt in Retrying(
            retry=retry_if_exception_type(OSError),  # what requests raises are OSErrors
            stop=stop_after_attempt(3),
            wait=wait_exponential(max=4),
            reraise=True,
        ):
            with attempt:
                _download_fresh(artifact, file)
    except (OSError, RuntimeError) as error:
        raise ConfigError(
            f"{file.name} cannot be downloaded ({str(error)[:300]}). Check the network and HTTPS_PROXY, or name a "
            "mirror under [repositories] in the file JGO_CONFIG_FILE points to, and start again."
        ) from None
    if sha256_of(file) != jar.sha256:
        raise ConfigError(
            f"{file.name} as downloaded is not the locked file and is not used: its sha256 is {sha256_of(file)}, "
            f"not {jar.sha256}. If a proxy or mirror changes files, use another; if the lock is wrong, `make lock`."
        )


def _download_fresh(artifact: Artifact, file: Path) -> None:
    file.unlink(missing_ok=True)  # half a file of the attempt before
    artifact.context.resolver.download(artifact)
