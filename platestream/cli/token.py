"""`platestream token`: a bearer token of the local issuer."""

from datetime import timedelta
from typing import Annotated

import typer

NAME = "token"


def command(
    person: Annotated[str, typer.Argument(help="id of the person")],
    hours: Annotated[float, typer.Option(min=0.01, max=24, help="how long it is good")] = 8,
) -> None:
    """Print a token that says who is asking. It grants nothing: the ledger says who may ask."""
    from gateway.access.tokens import issue_token
    from platestream.clock import SystemClock
    from platestream.settings import load_settings

    print(issue_token(load_settings(), person, timedelta(hours=hours), SystemClock()))
