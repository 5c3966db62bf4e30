"""`platestream search`: ask the gateway for stored reads. The purpose comes first, then what is searched for.

platestream search --case 26-012345 --offence stolen-vehicle --reason "..." --facts "..." plate ABC123
"""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from platestream.cli.acting import one_of
from platestream.cli.asking import Url, open_gateway
from platestream.clock import SystemClock

if TYPE_CHECKING:
    from streams.ledger.events import SearchKind

app = typer.Typer(
    name="search",
    help="Ask the gateway for stored reads: first the purpose, then what is searched for. Every search is logged.",
    no_args_is_help=True,
)

_DAYS = 7
_MATCHES = ("exact", "folded", "look-alike")
_COLUMNS = ("plate", "state", "collected_at", "device_id", "latitude", "longitude", "confidence", "destroy_by")

_FORMATS = ["%Y-%m-%dT%H:%M", "%Y-%m-%d"]
Since = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="first moment, UTC; 7 days before the last")]
Until = Annotated[datetime | None, typer.Option(formats=_FORMATS, help="first moment not asked for, UTC; now")]
Plate = Annotated[str, typer.Argument(help="the plate, in any spelling")]
Match = Annotated[str, typer.Option(help="how alike: " + ", ".join(_MATCHES))]
Context = typer.Context


@app.callback()
def purpose(  # noqa: PLR0913, PLR0917 - one argument an option
    context: Context,
    case: Annotated[str, typer.Option(help="case or incident number")],
    offence: Annotated[str, typer.Option(help="category of the offence, for example stolen-vehicle")],
    reason: Annotated[str, typer.Option(help="what the search is for")],
    facts: Annotated[str, typer.Option(help="facts that make the reads pertinent to the case")],
    offence_text: Annotated[str | None, typer.Option(help="the offence in words")] = None,
    since: Since = None,
    until: Until = None,
    state: Annotated[list[str] | None, typer.Option(help="only this state; can be said again")] = None,
    least_confidence: Annotated[float | None, typer.Option(help="only reads this sure, 0 to 1")] = None,
    rows: Annotated[int, typer.Option(help="most reads in one answer")] = 100,
    every_page: Annotated[bool, typer.Option("--all", help="all pages; each is logged as a search")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="one JSON object a page")] = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="a table with the notice as its first line")] = False,
    url: Url = None,
) -> None:
    """The token is taken from the variable GATEWAY_TOKEN. First the purpose, then what is searched for."""
    end = (until or SystemClock().now()).replace(tzinfo=UTC)
    start = (since or end - timedelta(days=_DAYS)).replace(tzinfo=UTC)
    written = {"case_number": case, "offence_category": offence, "offence": offence_text, "reason": reason}
    limits = {"states": state or [], "least_confidence": least_confidence, "row_limit": rows}
    span = {"collected_from": start.isoformat(), "collected_until": end.isoformat()}
    context.obj = {
        "body": {**written, "factual_basis": facts, **span, **limits},
        "form": "csv" if as_csv else "json" if as_json else "shown",
        "url": url,
        "every_page": every_page,
    }


@app.command()
def plate(context: Context, plate: Plate, match: Match = "folded") -> None:
    """Reads of one plate."""
    _search(context, "plate", plate=plate, match=one_of(match, _MATCHES, "--match"))


@app.command("last-seen")
def last_seen(context: Context, plate: Plate, match: Match = "folded") -> None:
    """The last read of one plate."""
    context.obj["body"]["row_limit"] = 1
    _search(context, "last-seen", plate=plate, match=one_of(match, _MATCHES, "--match"))


@app.command()
def partial(context: Context, pattern: Annotated[str, typer.Argument(help="? is one character, * any number")]) -> None:
    """Reads of all plates that fit a pattern with at least 3 characters beside ? and *."""
    _search(context, "partial", pattern=pattern)


@app.command()
def area(
    context: Context, area: Annotated[str, typer.Argument(help="LATITUDE,LONGITUDE,METRES or LAT,LON LAT,LON LAT,LON")]
) -> None:
    """All reads within a circle, or a polygon of three points or more."""
    _search(context, "area", area=_area(area))


@app.command()
def reader(context: Context, ids: Annotated[list[str], typer.Argument(help="ids of readers")]) -> None:
    """All reads of some readers."""
    _search(context, "reader", device_ids=ids)


@app.command()
def places(
    context: Context,
    places: Annotated[list[str], typer.Argument(help="two or more: an area as above, or readers:ID,ID")],
) -> None:
    """Plates that were read at every one of several places."""
    _search(context, "places", places=[_place(place) for place in places])


def _area(text: str) -> dict[str, Any]:
    try:
        points = [tuple(float(part) for part in point.split(",")) for point in text.split()]
        if len(points) == 1:
            latitude, longitude, metres = points[0]
            return {"latitude": latitude, "longitude": longitude, "radius_metres": metres}
        return {"points": [{"latitude": latitude, "longitude": longitude} for latitude, longitude in points]}
    except ValueError:
        raise typer.BadParameter("an area is 44.95,-93.09,500 or '44.9,-93.1 45.0,-93.1 45.0,-93.0'") from None


def _place(text: str) -> dict[str, Any]:
    kind, _, ids = text.partition(":")
    return {"device_ids": ids.split(",")} if kind == "readers" else {"area": _area(text)}


def _search(context: Context, kind: "SearchKind", **looked_for: Any) -> None:
    asked = context.obj
    body = {**asked["body"], **looked_for}
    with open_gateway(asked["url"]) as client:
        if asked["form"] == "csv":
            print(client.table(kind, body), end="")
            return
        for page in client.pages(kind, body):
            print(json.dumps(page)) if asked["form"] == "json" else _show(page)
            if not asked["every_page"]:
                break


def _show(page: dict[str, Any]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(*_COLUMNS)
    for row in page["rows"]:
        table.add_row(*("" if row[name] is None else str(row[name]) for name in _COLUMNS))
    console = Console()
    console.print(page["notice"])
    console.print(table)
    console.print(f"{page['row_count']} reads" + ("; there are more, see --all" if page["is_truncated"] else ""))
