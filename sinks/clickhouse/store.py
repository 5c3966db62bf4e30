"""Opens ClickHouse: a server by URL, or chDB, its engine inside this process, in a folder.

chDB as found (chdb-core 26.9, clickhouse-connect 1.12): a process has one engine and one folder at a time, any number
of clients on it, and may open another folder once all of them are closed; another process is kept out by a lock. A
client serializes its callers, so each thread gets its own. Rows on their way into chDB pass through a file in the
folder for temporary files, so that folder is set beside the data, closed to others and emptied at start.

The texts of ClickHouse's errors quote the data they choke on, therefore only their codes go further.
"""

import fcntl
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

import clickhouse_connect
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import Error, OperationalError, ProgrammingError

from platestream.errors import ConfigError, TransientError
from platestream.secret_files import read_secret
from platestream.settings import Settings

_INSERT = {"async_insert": 0, "max_partitions_per_insert_block": 0, "optimize_on_insert": 0}
_SESSION = {"log_queries": 0}  # a query log would keep the plates that were searched
_OVER_HTTP = {"autogenerate_session_id": False, "form_encode_query_params": True}  # parameters in the body, not the URL

_MERGES_WAIT = "os_threads_nice_value_merge_mutate=10"  # for inserts and searches: merging can be made up for
_NOT_IN_PATHS = set("?*{}")  # chDB takes ? as the start of options, and all of them as a pattern of file names


class Store:
    """ClickHouse as the settings name it. Close it to let go of chDB's folder.

    Raises ConfigError when the address is wrong or another process owns the folder, TransientError when a server is
    away.
    """

    def __init__(self, settings: Settings) -> None:
        dsn = settings.storage.clickhouse_dsn
        self.folder = _chdb_folder(settings) if dsn is None or dsn.startswith("chdb:") else None
        self._options = _chdb_options(self.folder) if self.folder else _server_options(settings, dsn or "")
        self._threads = threading.local()
        self._clients: WeakSet[Client] = WeakSet()
        self._temporary_before = tempfile.tempdir
        self.client()
        self.incoming = self.folder.with_name(self.folder.name + "-incoming") if self.folder else None
        if self.incoming:
            _keep_temporary_files_in(self.incoming)

    def client(self) -> Client:
        """This thread's client; made at its first call. ClickHouse's error texts are cut down to their codes."""
        if not hasattr(self._threads, "client"):
            self._threads.client = self._connect()
            self._clients.add(self._threads.client)
        client: Client = self._threads.client
        return client

    def insert_avro(self, table: str, columns: Sequence[str], container: Sequence[bytes]) -> None:
        """Insert an Avro container, given in pieces; when this returns, the rows are on disk.

        Raises clickhouse_connect's Error.
        """
        content: Any = container if self.folder else b"".join(container)  # over HTTP it may have to be sent twice
        self.client().raw_insert(table, columns, content, fmt="Avro", settings=_INSERT)

    def close(self) -> None:
        """Close the clients of all threads; none may be in use."""
        for client in list(self._clients):
            client.close()
        tempfile.tempdir = self._temporary_before

    def _connect(self) -> Client:
        try:
            return clickhouse_connect.get_client(
                settings=_SESSION, show_clickhouse_errors=False, tz_mode="aware", **self._options
            )
        except ProgrammingError:
            raise ConfigError(_why_not_opened(self.folder)) from None
        except OperationalError:
            raise TransientError("ClickHouse does not answer at storage.clickhouse_dsn.") from None
        except Error as error:
            raise ConfigError(
                f"ClickHouse refuses storage.clickhouse_dsn (its error {error.code}); check user, "
                "storage.clickhouse_password_file and that the database exists."
            ) from None


def as_reader(settings: Settings) -> Settings:
    """The settings of a store that may only read, for the gateway. Raises ConfigError when they name no server."""
    dsn = settings.storage.clickhouse_reader_dsn
    if dsn is None or dsn.startswith("chdb:"):
        raise ConfigError("storage.clickhouse_reader_dsn must be http(s)://user@host:port/database; chDB has no users.")
    password = settings.storage.clickhouse_reader_password_file
    reader = {"clickhouse_dsn": dsn, "clickhouse_password_file": password}
    return settings.model_copy(update={"storage": settings.storage.model_copy(update=reader)})


@contextmanager
def clickhouse_errors(doing: str) -> Iterator[None]:
    """Turn ClickHouse's errors into TransientError without their text: it quotes data."""
    try:
        yield
    except Error as error:
        raise TransientError(f"ClickHouse failed to {doing} (its error {error.code}).") from None


def _chdb_folder(settings: Settings) -> Path:
    address = urlsplit(settings.storage.clickhouse_dsn or "")
    if address.scheme and (address.netloc or not address.path.strip("/")):
        raise ConfigError("storage.clickhouse_dsn names no folder; write it as chdb:///absolute/folder.")
    folder = Path(address.path).resolve() if address.scheme else (settings.home / "clickhouse").resolve()
    if _NOT_IN_PATHS & set(str(folder)):
        raise ConfigError(f"chDB cannot use the folder {folder}; its path must be without ? * {{ and }}.")
    return folder


def _chdb_options(folder: Path) -> dict[str, Any]:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(f"The folder {folder} for chDB cannot be made: {error.strerror}.") from None
    return {"interface": "chdb", "path": f"{folder}?{_MERGES_WAIT}"}


def _server_options(settings: Settings, dsn: str) -> dict[str, Any]:
    address = urlsplit(dsn)
    if address.scheme not in {"http", "https"} or not address.hostname:
        raise ConfigError(
            "storage.clickhouse_dsn must be chdb:///absolute/folder or http(s)://user@host:port/database."
        )
    if address.password:
        raise ConfigError("storage.clickhouse_dsn holds a password; put it in storage.clickhouse_password_file.")
    file = settings.storage.clickhouse_password_file
    password = read_secret(file).decode().strip() if file else ""
    return {"dsn": dsn, "interface": address.scheme, "password": password, **_OVER_HTTP}


def _keep_temporary_files_in(folder: Path) -> None:
    """What a killed process left there holds reads, so it goes before anything else."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    tempfile.tempdir = str(folder)


def _why_not_opened(folder: Path | None) -> str:
    if not folder:
        return "storage.clickhouse_dsn cannot be used; write it as http(s)://user@host:port/database."
    if owner := _owner(folder / "status"):
        return f"chDB's folder {folder} is in use by another process ({owner}); end that one first."
    return f"chDB cannot open {folder}; check that it is writable and that this process has no other folder open."


def _owner(status: Path) -> str | None:
    """The first line ("PID: 123") of the file the engine keeps locked while it runs; None when nobody has it."""
    with suppress(FileNotFoundError, PermissionError), status.open() as opened:
        try:
            fcntl.flock(opened, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return opened.readline().strip()
    return None
