"""`platestream run`: the whole pipeline on this machine, with a demo fleet and live counters."""

import json
import sys
from typing import Annotated

import typer

NAME = "run"


def command(
    for_seconds: Annotated[
        float | None, typer.Option("--for", min=1, help="end after so many seconds; otherwise Ctrl-C ends it")
    ] = None,
    rate: Annotated[float, typer.Option(min=0.1, max=50, help="reads a second of the demo fleet")] = 4,
    as_json: Annotated[bool, typer.Option("--json", help="the summary as one JSON object on standard output")] = False,
) -> None:
    """Start broker, registry, storage, processor, collector and a demo fleet on this machine.

    Exit code 0 when every stage moved, 1 when one stood still or ended.
    """
    from platestream.cli.running.demonstration import run_demonstration
    from platestream.logs import set_up_logs
    from platestream.settings import load_settings

    settings = load_settings()
    set_up_logs("run", settings.log_level)
    summary = run_demonstration(settings, for_seconds, rate, lambda line: print(line, file=sys.stderr, flush=True))
    if as_json:
        print(
            json.dumps(
                {
                    **summary.counters.counts,
                    "p99_read_to_alert_seconds": summary.counters.p99_read_to_alert_seconds,
                    "faults": summary.faults,
                }
            )
        )
    raise typer.Exit(1 if summary.faults else 0)
