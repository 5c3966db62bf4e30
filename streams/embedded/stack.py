"""Broker and registry of one machine as one thing that starts and stops: `with EmbeddedStack(settings) as stack`."""

from contextlib import ExitStack
from functools import partial
from types import TracebackType
from typing import Self

from platestream.settings import Settings
from streams.embedded.downloads import OnProgress
from streams.embedded.home import hold_home, run_folder
from streams.embedded.jars import JarStore
from streams.embedded.java import class_archive
from streams.embedded.kafka import kafka_program, kafka_readiness
from streams.embedded.ports import check_ports_free
from streams.embedded.recorded import end_recorded
from streams.embedded.registry import registry_program, registry_readiness
from streams.embedded.server import JavaServer


class EmbeddedStack:
    """Owns the home folder and runs both servers in it, after ending what an earlier run left there.

    Entering raises ConfigError, with nothing left running: home in use, port taken, disk full, download failed, a
    server that ends or does not answer. `on_progress` is told of downloads.
    """

    broker: JavaServer
    registry: JavaServer

    def __init__(self, settings: Settings, jars: JarStore | None = None, on_progress: OnProgress | None = None) -> None:
        self.settings = settings.model_copy(update={"home": settings.home.absolute()})
        self._jars = jars or JarStore()
        self._on_progress = on_progress
        self._held = ExitStack()

    @property
    def bootstrap_servers(self) -> str:
        """host:port of the broker."""
        return self.settings.kafka.bootstrap_servers

    @property
    def registry_url(self) -> str:
        """URL of the registry's Confluent API."""
        return self.settings.registry.url

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._held.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._held.close()

    def kill_broker(self) -> None:
        """End the broker with SIGKILL; `start_broker` brings it back with its data."""
        self.broker.kill()

    def start_broker(self) -> None:
        """Start the broker again and wait until it answers."""
        self.broker.start()
        self.broker.wait_ready()

    def restart_broker(self) -> None:
        """Stop the broker cleanly and start it again."""
        self.broker.stop()
        self.start_broker()

    def kill_registry(self) -> None:
        """End the registry with SIGKILL; `start_registry` brings it back with its schemas."""
        self.registry.kill()

    def start_registry(self) -> None:
        """Start the registry again and wait until it answers."""
        self.registry.start()
        self.registry.wait_ready()

    def _start(self) -> None:
        home = self.settings.home
        self._held.enter_context(hold_home(home))
        end_recorded(run_folder(home))
        check_ports_free(self.settings)
        self._jars.fetch(*([self._on_progress] if self._on_progress else []))
        self._set_up_servers()
        self._held.callback(self._stop)
        self.broker.start()
        self.registry.start()
        self.broker.wait_ready()
        self.registry.wait_ready()

    def _set_up_servers(self) -> None:
        home, jars, cache = self.settings.home, self._jars, self._jars.folder
        self.broker = JavaServer(
            partial(kafka_program, self.settings, jars.kafka_class_path()),
            kafka_readiness(self.settings),
            class_archive(cache, "kafka", jars.kafka_sha256(), home / "kafka" / "tmp" / "classes.jsa"),
            run_folder(home),
        )
        self.registry = JavaServer(
            partial(registry_program, self.settings, jars.registry_folder()),
            registry_readiness(self.settings),
            class_archive(cache, "registry", jars.registry_sha256(), home / "registry" / "tmp" / "classes.jsa"),
            run_folder(home),
        )

    def _stop(self) -> None:
        """Both at once: neither needs the other to end."""
        self.registry.ask_to_end()
        self.broker.ask_to_end()
        self.registry.stop()
        self.broker.stop()
