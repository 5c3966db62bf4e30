"""Shows a person how far a first download is: a bar on a terminal, a line elsewhere, nothing when all is there."""

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from streams.embedded.downloads import OnProgress

_WHAT = "Fetching the Kafka broker and the schema registry (once)"


@contextmanager
def download_bar(console: Console | None = None) -> Iterator[OnProgress]:
    """Gives what EmbeddedStack takes as `on_progress`; writes to standard error unless told otherwise."""
    console = console or Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(_WHAT, visible=False, total=None)
        is_first = True

        def show(done_bytes: int, total_bytes: int) -> None:
            nonlocal is_first
            if is_first and not console.is_terminal:
                console.print(f"{_WHAT}: {total_bytes // 1024**2} MiB")
            is_first = False
            bar.update(task, completed=done_bytes, total=total_bytes, visible=True)

        yield show
