"""What a bench prints: progress on standard error; a table and, as the last line, a JSON object on standard output."""

import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.errors import BenchError
from platestream.errors import PlatestreamError


@contextmanager
def step(what: str) -> Iterator[None]:
    """Say what is under way and how long it took."""
    console = Console(stderr=True, highlight=False)
    console.print(f"{what} ...", end=" ", soft_wrap=True)
    started = time.monotonic()
    yield
    console.print(f"{time.monotonic() - started:.1f} s", soft_wrap=True)


def say(sentence: str) -> None:
    """A line of progress."""
    Console(stderr=True, highlight=False).print(sentence, soft_wrap=True)


def print_table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table that is as wide as its content, also where there is no terminal."""
    table = Table(title=title, title_justify="left")
    for number, column in enumerate(head):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    Console(width=200, highlight=False).print(table)


def print_result(result: dict[str, Any]) -> None:
    """The last line."""
    print(json.dumps(result), flush=True)


@contextmanager
def exit_code() -> Iterator[None]:
    """End with code 1 and a sentence when a bench fails; SIGTERM and Ctrl-C end it and all that it started."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.default_int_handler)
    try:
        yield
    except KeyboardInterrupt:
        sys.exit(130)
    except (BenchError, PlatestreamError) as error:
        sys.stderr.write(f"\nbench: {error}\n")
        sys.exit(1)
