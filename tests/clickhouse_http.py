"""ClickHouse's HTTP interface in front of chDB, as a process of its own: FOLDER PORT PASSWORD LOG.

As much of it as clickhouse-connect uses: statements in the body, the URL or a form; parameters and settings; Native and
other formats; inserts with their rows behind the statement; errors with their code in a header. Each request has a
session of its own. LOG takes one line a request, its path and query: what a proxy or an access log would keep. A file
beside it, with the ending .statements, takes the statements, one a line, without rows and parameters.
"""

import email.parser
import email.policy
import os
import re
import sys
import tempfile
from base64 import b64encode
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import chdb
import cramjam

USER = "platestream"
_INSERT = re.compile(rb"\s*INSERT\s+INTO\s+(\S+)\s*(\([^)]*\))?\s*FORMAT\s+(\w+)\n", re.IGNORECASE)
_FORMAT = re.compile(rb"\bFORMAT\s+(\w+)\s*;?\s*$", re.IGNORECASE)
_CODE = re.compile(r"Code: (\d+)")
_BAD_LOGIN = 516
_OF_THE_TRANSPORT = {
    "query", "database", "query_id", "session_id", "wait_end_of_query", "client_protocol_version", "compress",
    "enable_http_compression", "send_progress_in_http_headers", "http_headers_progress_interval_ms",
    "cancel_http_readonly_queries_on_client_close",
}  # fmt: skip
_OPENED = {"lz4": cramjam.lz4.decompress, "zstd": cramjam.zstd.decompress, "gzip": cramjam.gzip.decompress}


class Handler(BaseHTTPRequestHandler):
    """One request. The server's attributes are set by `main`."""

    protocol_version = "HTTP/1.1"
    server: "Server"

    def do_GET(self) -> None:
        if self.path == "/ping":
            self._answer(HTTPStatus.OK, b"Ok.\n")
        else:
            self._run(b"")

    def do_POST(self) -> None:
        body = self._chunks() if "Transfer-Encoding" in self.headers else self._read(self.headers["Content-Length"])
        encoding = self.headers.get("Content-Encoding")
        self._run(bytes(_OPENED[encoding](body)) if encoding else body)

    def _read(self, size: str) -> bytes:
        return self.rfile.read(int(size))

    def _chunks(self) -> bytes:
        """A body whose sender did not know how long it would be."""
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: Any) -> None:
        """Nothing on standard error."""

    def _run(self, body: bytes) -> None:
        with self.server.log.open("a") as log:
            log.write(self.path + "\n")
        if self.headers.get("Authorization") != self.server.login:
            self._answer(HTTPStatus.FORBIDDEN, b"", {"X-ClickHouse-Exception-Code": str(_BAD_LOGIN)})
            return
        fields = dict(parse_qsl(urlsplit(self.path).query, keep_blank_values=True))
        if self.headers.get("Content-Type", "").startswith("multipart/form-data"):
            fields |= _form(self.headers["Content-Type"], body)
            body = b""
        statement = b"\n".join(part for part in (fields.get("query", "").encode(), body) if part)
        with self.server.log.with_suffix(".statements").open("ab") as statements:
            insert = _INSERT.match(statement)
            statements.write(b" ".join((insert[0] if insert else statement).split()) + b"\n")
        try:
            content, format_ = self._ask(statement, fields)
        except Exception as error:  # chDB's own
            code = _CODE.search(str(error))
            headers = {"X-ClickHouse-Exception-Code": code[1] if code else "1002"}
            self._answer(HTTPStatus.INTERNAL_SERVER_ERROR, str(error).encode(), headers)
        else:
            self._answer(HTTPStatus.OK, content, {"X-ClickHouse-Format": format_} if format_ else {})

    def _ask(self, statement: bytes, fields: dict[str, str]) -> tuple[bytes, str]:
        """The answer's bytes and their format, empty when the statement has none."""
        connection = chdb.connect(str(self.server.folder))
        try:
            if database := fields.get("database"):
                connection.query(f"USE `{database}`", "TabSeparated")
            for name, value in fields.items():
                if name not in _OF_THE_TRANSPORT and not name.startswith("param_"):
                    connection.query(f"SET {name} = '{value}'", "TabSeparated")
            parameters = {name[6:]: value for name, value in fields.items() if name.startswith("param_")}
            if insert := _INSERT.match(statement):
                return _insert(connection, insert, statement[insert.end() :]), ""
            if asked := _FORMAT.search(statement):
                format_ = asked[1].decode()
                return connection.query(statement.decode(), format_, params=parameters).bytes(), format_
            named = connection.query(statement.decode(), "TabSeparatedWithNames", params=parameters).bytes()
            return (named.partition(b"\n")[2], "TabSeparated") if named else (b"", "")
        finally:
            connection.close()

    def _answer(self, status: HTTPStatus, content: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        all_headers = {"X-ClickHouse-Timezone": "UTC", "Content-Length": str(len(content)), **(headers or {})}
        for name, value in all_headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)


class Server(ThreadingHTTPServer):
    """Holds what requests need. `daemon_threads`: connections are kept open by clients."""

    daemon_threads = True
    folder: Path
    login: str
    log: Path


def _insert(connection: Any, insert: re.Match[bytes], rows: bytes) -> bytes:
    """Rows reach chDB through a file."""
    table, columns, format_ = (part.decode() if part else "" for part in insert.groups())
    with tempfile.NamedTemporaryFile() as file:
        file.write(rows)
        file.flush()
        connection.query(f"INSERT INTO {table} {columns} FROM INFILE '{file.name}' FORMAT {format_}", "TabSeparated")
    return b""


def _form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of a form."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + body)
    return {
        str(part.get_param("name", header="content-disposition")): (part.get_payload(decode=True) or b"").decode()
        for part in message.iter_parts()
    }


def main(folder: str, port: str, password: str, log: str) -> None:
    os.environ["TZ"] = "UTC"
    server = Server(("127.0.0.1", int(port)), Handler)
    server.folder, server.log = Path(folder), Path(log)
    server.login = "Basic " + b64encode(f"{USER}:{password}".encode()).decode()
    engine = chdb.connect(folder)  # stays open: with the last connection the engine would go, and its tables in memory
    try:
        server.serve_forever()
    finally:
        engine.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
