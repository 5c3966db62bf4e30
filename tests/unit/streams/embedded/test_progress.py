"""What a person sees of a first download."""

import io

from rich.console import Console

from streams.embedded.progress import download_bar


def test_a_line_is_enough_where_there_is_no_terminal() -> None:
    written = io.StringIO()
    console = Console(file=written, width=120)
    with download_bar(console) as on_progress:
        for done_bytes in range(0, 100 * 1024**2, 1024**2):
            on_progress(done_bytes, 100 * 1024**2)
    assert written.getvalue() == "Fetching the Kafka broker and the schema registry (once): 100 MiB\n"


def test_nothing_is_said_when_nothing_is_fetched() -> None:
    written = io.StringIO()
    console = Console(file=written, width=120)
    with download_bar(console):
        pass
    assert written.getvalue() == ""


def test_a_terminal_shows_a_bar() -> None:
    written = io.StringIO()
    console = Console(file=written, width=120, force_terminal=True)
    with download_bar(console) as on_progress:
        on_progress(50 * 1024**2, 100 * 1024**2)
    assert "52.4/104.9 MB" in written.getvalue()
