"""`platestream misuse`: the queue of what looks like misuse, for somebody other than the person concerned."""

import json
from typing import Annotated
from uuid import UUID

import typer

from platestream.cli.acting import one_of, open_ledger, record

app = typer.Typer(name="misuse", help="Look at flags, and say what was found.", no_args_is_help=True)


@app.command("list")
def list_(
    reviewer: Annotated[str, typer.Option("--for", help="who looks; never shown flags on themselves")],
) -> None:
    """The flags that wait, one JSON object a line."""
    from gateway.access.misuse import queue_of

    with open_ledger() as ledger:
        for flag in queue_of(ledger.replay_all(), reviewer):
            print(json.dumps(flag.flagged.model_dump(mode="json")))


@app.command()
def review(
    flag: Annotated[UUID, typer.Argument(help="id of the flag")],
    by: Annotated[str, typer.Option(help="who looked: never the person concerned")],
    finding: Annotated[str, typer.Option(help="in-order, inquiry or violation")],
    text: Annotated[str, typer.Option(help="what was looked at and found")],
) -> None:
    """Say what came of a flag."""
    from streams.ledger.purposes import FlagReviewed

    known = one_of(finding, ("in-order", "inquiry", "violation"), "--finding")
    body = FlagReviewed.model_validate({"flag_id": flag, "finding": known, "text": text})
    record(body, by=by, about=str(flag), done="the flag is answered")
