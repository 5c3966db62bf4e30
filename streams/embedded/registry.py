"""The schema registry of one machine: Apicurio with the Confluent API, on loopback alone.

Its schemas are in an H2 file under `home/registry` that is written through, so they outlive a stop and a kill.
"""

import shutil
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from platestream.errors import ConfigError
from platestream.settings import Settings
from streams.embedded.child import Program
from streams.embedded.java import java_argv, java_env
from streams.embedded.ports import REGISTRY_PATH, is_listening, registry_port

HEAP_MIB = 256
_ENVIRONMENT = {
    "REGISTRY_DATASOURCE_URL": "jdbc:h2:file:./registry/schemas;WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE",
    "QUARKUS_DATASOURCE_JDBC_INITIAL_SIZE": "1",
    "QUARKUS_DATASOURCE_JDBC_MIN_SIZE": "1",
    "QUARKUS_HTTP_HOST": "127.0.0.1",
    "QUARKUS_HTTP_CORS": "false",  # no page in a browser has business here
    "QUARKUS_LOG_CONSOLE_ENABLE": "false",
    "QUARKUS_LOG_FILE_ENABLE": "true",
    "QUARKUS_LOG_FILE_PATH": "logs/registry.log",
    "QUARKUS_LOG_FILE_ROTATION_MAX_FILE_SIZE": "10M",
    "QUARKUS_LOG_FILE_ROTATION_MAX_BACKUP_INDEX": "2",
    "QUARKUS_LOG_FILE_ROTATION_ROTATE_ON_BOOT": "false",
}


def registry_program(settings: Settings, unpacked: Path, options: Sequence[str]) -> Program:
    """Say how to run the registry from its unpacked folder. Raises ConfigError when that holds no registry."""
    folder = settings.home / "registry"
    shutil.rmtree(folder / "tmp", ignore_errors=True)
    (folder / "tmp").mkdir(parents=True)
    runners = list(unpacked.glob("*-runner.jar"))
    if len(runners) != 1:
        raise ConfigError(f"{unpacked} holds no registry; remove that folder and start again.")
    fixed = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:ErrorFile=logs/registry-crash.log"]
    return Program(
        name="registry",
        argv=java_argv(HEAP_MIB, [*fixed, "-Djava.io.tmpdir=registry/tmp", *options], ["-jar", str(runners[0])]),
        folder=settings.home,
        output=settings.home / "logs" / "registry.out",
        log=settings.home / "logs" / "registry.log",
        env=java_env({**_ENVIRONMENT, "HTTP_PORT": str(registry_port(settings))}),
    )


def registry_readiness(settings: Settings) -> Callable[[], bool]:
    """Asks the registry for its subjects, once it listens."""
    port = registry_port(settings)

    def is_ready() -> bool:
        if is_listening(port):
            with suppress(httpx.TransportError):
                url = f"http://127.0.0.1:{port}{REGISTRY_PATH}/subjects"
                return httpx.get(url, timeout=5, trust_env=False).is_success
        return False

    return is_ready
