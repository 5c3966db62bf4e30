"""`platestream public-log`: the public log of use, from the gateway's open page."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

NAME = "public-log"
_DAY = ["%Y-%m-%d"]


class Form(StrEnum):
    JSON = "json"
    CSV = "csv"


def command(
    first: Annotated[datetime | None, typer.Option("--from", formats=_DAY, help="first day, UTC")] = None,
    last: Annotated[datetime | None, typer.Option("--until", formats=_DAY, help="first day no longer wanted")] = None,
    form: Annotated[Form, typer.Option("--format", help="json or csv")] = Form.JSON,
) -> None:
    """Print what was collected and found by reader and hour: numbers alone, of hours that are over."""
    import httpx

    from platestream.cli.asking import address_of
    from platestream.errors import TransientError
    from platestream.settings import load_settings

    days = {"from": first, "until": last}
    asked = {name: day.date().isoformat() for name, day in days.items() if day}
    path = "/public-log.csv" if form is Form.CSV else "/public-log"
    try:
        answer = httpx.get(address_of(load_settings().gateway) + path, params=asked, timeout=60)
    except httpx.HTTPError as error:
        raise TransientError(f"The gateway does not answer ({type(error).__name__}); is storage running?") from None
    if answer.is_error:
        raise TransientError(f"The gateway refused with status {answer.status_code}: {answer.json()['detail']}")
    print(answer.text)
