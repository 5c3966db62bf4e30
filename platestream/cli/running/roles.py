"""The pipeline's own processes as children of `platestream run`: collector, processor, storage."""

import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import httpx

from platestream.cli.asking import address_of
from platestream.settings import Settings, environment
from streams.embedded.child import Child, Program
from streams.embedded.home import run_folder

ROLES = ("storage", "processor", "collector")
_READY_SECONDS = 180  # the first start after an installation compiles for half a minute
_WORKER = "run"  # one worker under one name: restarted, it goes on without waiting for its ghost


class Roles:
    """Starts the roles together and stops them in the order of the path, so that what is under way is still kept."""

    def __init__(self, settings: Settings) -> None:
        processor = settings.processor.model_copy(update={"instance": settings.processor.instance or _WORKER})
        self._settings = settings = settings.model_copy(update={"processor": processor})
        self.children = {role: Child(_program(role, settings), run_folder(settings.home)) for role in ROLES}

    def start(self) -> None:
        """Start all and wait until each answers.

        Raises ConfigError with a role's last words when it ends while starting.
        """
        for child in self.children.values():
            child.start()
        for role in ROLES:
            self.wait_ready(role)

    def restart(self, role: str) -> None:
        """Start a role again after it ended."""
        self.children[role].start()
        self.wait_ready(role)

    def wait_ready(self, role: str) -> None:
        """Wait until a role's loop turns and its door, if it has one, answers."""
        self.children[role].wait_ready(self._is_ready(role), _READY_SECONDS)

    def ended(self) -> list[str]:
        """Roles that are not running, each with its exit code and last words."""
        return [
            f"{role} ended with exit code {child.return_code}: {child.last_words()}"
            for role, child in self.children.items()
            if not child.is_running()
        ]

    def stop(self) -> list[str]:
        """Stop collector, processor and storage; the roles that did not end by themselves in time."""
        return [role for role in reversed(ROLES) if not self.children[role].stop()]

    def _is_ready(self, role: str) -> Callable[[], bool]:
        urls = ready_urls(self._settings)[role]
        return lambda: all(_answers(url) for url in urls)


def ready_urls(settings: Settings) -> Mapping[str, tuple[str, ...]]:
    """What has to answer 200 before a role counts as ready."""
    collector = settings.collector
    return {
        "collector": (f"http://127.0.0.1:{collector.probe_port}/livez", f"http://{collector.host}:{collector.port}/"),
        "processor": (f"http://127.0.0.1:{settings.processor.probe_port}/livez",),
        "storage": (
            f"http://127.0.0.1:{settings.storage.probe_port}/livez",
            f"{address_of(settings.gateway)}/healthz",
        ),
    }


def _program(role: str, settings: Settings) -> Program:
    return Program(
        name=role,
        argv=[sys.executable, "-m", "platestream", role],
        folder=Path.cwd(),
        output=settings.home / "logs" / f"{role}.log",
        env={**os.environ, **environment(settings)},
    )


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=2, verify=False).status_code == httpx.codes.OK  # noqa: S501 - nothing is told to it
    except httpx.HTTPError:
        return False
