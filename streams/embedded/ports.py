"""Ports of the embedded servers: read from the settings, and free before anything starts."""

import errno
import socket
from contextlib import suppress
from urllib.parse import urlsplit

import psutil

from platestream.errors import ConfigError
from platestream.settings import Settings

_LOOPBACK = ("127.0.0.1", "localhost")
REGISTRY_PATH = "/apis/ccompat/v7"


def broker_port(settings: Settings) -> int:
    """The embedded broker's port.

    Raises ConfigError when the settings name anything but one plain port of this machine.
    """
    try:
        parts = urlsplit(f"//{settings.kafka.bootstrap_servers}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if host not in _LOOPBACK or not port or settings.kafka.security_protocol != "PLAINTEXT":
        raise ConfigError(
            "The embedded broker serves one plain port of this machine only; set PLATESTREAM_KAFKA__BOOTSTRAP_SERVERS "
            "to 127.0.0.1 and a port, and PLATESTREAM_KAFKA__SECURITY_PROTOCOL to PLAINTEXT."
        )
    return port


def registry_port(settings: Settings) -> int:
    """The embedded registry's port. Raises ConfigError when the settings name another machine or path."""
    try:
        parts = urlsplit(settings.registry.url)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    if parts.scheme != "http" or parts.hostname not in _LOOPBACK or not port or parts.path.rstrip("/") != REGISTRY_PATH:
        raise ConfigError(
            "The embedded registry is on this machine only; set PLATESTREAM_REGISTRY__URL to "
            f"http://127.0.0.1:<port>{REGISTRY_PATH}."
        )
    return port


def check_ports_free(settings: Settings) -> None:
    """Raises ConfigError naming the first port that is taken, by whom if that is known, and the setting to change."""
    ports = {
        "PLATESTREAM_KAFKA__BOOTSTRAP_SERVERS": broker_port(settings),
        "PLATESTREAM_KAFKA__CONTROLLER_PORT": settings.kafka.controller_port,
        "PLATESTREAM_REGISTRY__URL": registry_port(settings),
    }
    for setting, port in ports.items():
        check_port_free(port, setting)


def check_port_free(port: int, setting: str) -> None:
    """Raises ConfigError when something listens on this machine's `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the servers do: old connections do not count
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = f"is taken{_owner(port)}" if error.errno != errno.EACCES else "may not be used by this user"
            raise ConfigError(
                f"Port {port} {reason}; end that process or choose another port with {setting}."
            ) from None


def is_listening(port: int) -> bool:
    """True when something on this machine takes connections on `port`."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _owner(port: int) -> str:
    with suppress(psutil.AccessDenied):
        for connection in psutil.net_connections("tcp"):
            if connection.laddr and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid}"
    return ""
