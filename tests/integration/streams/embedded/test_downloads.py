"""Downloads from a real HTTP server with Maven's layout."""

import gc
import threading
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from platestream.errors import ConfigError
from streams.embedded.downloads import known_repositories
from streams.embedded.jars import JarStore
from streams.embedded.locked import JarLock
from tests.maven import publish_stack
from tests.stack import free_port


class Server(ThreadingHTTPServer):
    """Serves a folder, notes what is asked for, and breaks off in the middle of the next `breaks` files."""

    def __init__(self, folder: Path) -> None:
        self.asked: list[str] = []
        self.breaks = 0
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))


class Handler(SimpleHTTPRequestHandler):
    server: Server

    def copyfile(self, source: Any, outputfile: Any) -> None:
        self.server.asked.append(self.path.rsplit("/", 1)[1])
        content: bytes = source.read()
        if self.server.breaks > 0:
            self.server.breaks -= 1
            content = content[: len(content) // 2]
        outputfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def lock(tmp_path: Path) -> JarLock:
    return publish_stack(tmp_path / "repository")


@pytest.fixture
def server(tmp_path: Path, lock: JarLock) -> Iterator[Server]:
    with Server(tmp_path / "repository") as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def store_of(tmp_path: Path, lock: JarLock, port: int) -> JarStore:
    return JarStore(tmp_path / "cache", lock, {"local": f"http://127.0.0.1:{port}"})


def test_everything_is_fetched_and_progress_is_told(tmp_path: Path, lock: JarLock, server: Server) -> None:
    seen: list[tuple[int, int]] = []
    store = store_of(tmp_path, lock, server.server_port)
    store.fetch(lambda done_bytes, total_bytes: seen.append((done_bytes, total_bytes)))
    assert all(file.is_file() for file in store.kafka_class_path())
    assert (store.registry_folder() / "runner.jar").read_bytes() == b"runner"
    total = sum(jar.size_bytes for jar in (*lock.kafka, lock.registry))
    assert seen == sorted(seen)
    assert seen[-1] == (total, total)


def test_a_second_start_needs_no_network(tmp_path: Path, lock: JarLock, server: Server) -> None:
    store_of(tmp_path, lock, server.server_port).fetch()
    store_of(tmp_path, lock, free_port()).fetch()


def test_two_at_once_fetch_each_file_once(tmp_path: Path, lock: JarLock, server: Server) -> None:
    stores = [store_of(tmp_path, lock, server.server_port) for _ in range(2)]
    threads = [threading.Thread(target=store.fetch) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(server.asked) == ["a-1.jar", "app-1.tar.gz", "b-1.jar"]
    assert all(file.is_file() for file in stores[0].kafka_class_path())


def test_a_file_with_another_sha256_is_not_used(tmp_path: Path, lock: JarLock, server: Server) -> None:
    wrong = replace(lock, kafka=(lock.kafka[0], replace(lock.kafka[1], sha256="0" * 64)))
    store = store_of(tmp_path, wrong, server.server_port)
    with pytest.raises(ConfigError, match=r"b-1\.jar as downloaded is not the locked file and is not used"):
        store.fetch()
    assert [path.name for path in store.folder.rglob("*")] == ["lock"]


def test_a_download_that_breaks_off_is_tried_again(tmp_path: Path, lock: JarLock, server: Server) -> None:
    server.breaks = 1
    store = store_of(tmp_path, lock, server.server_port)
    store.fetch()
    assert len(server.asked) == 4


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_a_file_that_is_not_in_the_repository_is_a_sentence(tmp_path: Path, lock: JarLock, server: Server) -> None:
    (tmp_path / "repository" / lock.kafka[0].file).unlink()
    with pytest.raises(ConfigError, match=r"a-1\.jar cannot be downloaded .*not found in remote repositories"):
        store_of(tmp_path, lock, server.server_port).fetch()
    gc.collect()  # jgo leaves a refused response open; let it be found here and not by the next test


def test_a_repository_that_is_away_is_a_sentence(tmp_path: Path, lock: JarLock) -> None:
    with pytest.raises(ConfigError, match=r"cannot be downloaded .*Check the network and HTTPS_PROXY, or"):
        store_of(tmp_path, lock, free_port()).fetch()


def test_a_mirror_in_the_config_file_of_jgo_is_asked_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "jgo.conf").write_text("[repositories]\nmirror = http://mirror.example/maven\n")
    monkeypatch.setenv("JGO_CONFIG_FILE", str(tmp_path / "jgo.conf"))
    assert list(known_repositories().items())[0] == ("mirror", "http://mirror.example/maven")
    assert list(known_repositories())[1:] == ["central"]
