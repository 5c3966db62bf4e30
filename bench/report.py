"""What a bench prints: progress on standard error; a table and, as the last line, a JSON object on standard output."""

import json
import os
import signal
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
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


@dataclass(frozen=True, kw_only=True)
class Figures:
    """A bench's table. `title` says what was run on which machine."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def spread(values: Iterable[float], style: str = ".1f") -> str:
    """The median, and of several the least and the most."""
    found = sorted(values)
    of_several = f" ({found[0]:{style}}-{found[-1]:{style}})" if len(found) > 1 else ""
    return f"{median(found):{style}}{of_several}"


def print_table(bench: str, figures: Figures) -> None:
    """Print a table as wide as its content; with PAGE set, also put it into that page, in place of the last one."""
    table = Table(title=figures.title, title_justify="left")
    for number, column in enumerate(figures.head):
        table.add_column(column, justify="right" if number else "left", no_wrap=True)
    for row in figures.rows:
        table.add_row(*row)
    Console(width=200, highlight=False).print(table)
    if page := os.environ.get("PAGE"):
        Path(page).write_text(with_figures(Path(page).read_text(), bench, figures))


def with_figures(page: str, bench: str, figures: Figures) -> str:
    """A page with these figures between its comments `<!-- bench -->` and `<!-- /bench -->`.

    Raises BenchError when the page has no such place.
    """
    start, end = f"<!-- {bench} -->", f"<!-- /{bench} -->"
    before, opened, rest = page.partition(start)
    _, closed, after = rest.partition(end)
    if not (opened and closed):
        raise BenchError(f"The page has no place for figures of {bench}: {start} and {end}.")
    ruler = ["-", *["-:"] * (len(figures.head) - 1)]
    lines = [f"| {' | '.join(cells)} |" for cells in (figures.head, ruler, *figures.rows)]
    return "\n".join([before + start, "", f"{figures.title}.", "", *lines, "", end + after])


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
