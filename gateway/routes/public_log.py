"""GET /public-log and /public-log.csv: what was collected and found, by reader and hour. Anyone may ask, no token.

Only hours that are over are told, and numbers alone: no read, no plate, nothing of a search. Where fixed readers stand
and which lists were compared is from the ledger, so a list on which nothing was found is told, too.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from gateway.public_use import Load, Placement, PublicUse
from gateway.searches.finding import StoredReads
from gateway.tables import csv_line
from platestream.clock import Clock
from platestream.errors import InvalidMessage
from sinks.clickhouse.counting import CollectionCount, HitCount

_MOST_DAYS = 92
_DEFAULT_DAYS = 7
_EARLIEST, _LATEST = date(2000, 1, 1), date(2100, 1, 1)
_CSV_HEAD = (
    "hour", "device_id", "counted", "classification", "match_kind", "category", "database", "count",
    "latitude", "longitude", "until",
)  # fmt: skip

_NOWHERE = ("", "", "")

Day = Annotated[date, Field(ge=_EARLIEST, le=_LATEST)]
First = Annotated[Day | None, Query(alias="from", description="first day, UTC; a week ago by default")]
Last = Annotated[Day | None, Query(alias="until", description="first day no longer wanted; tomorrow by default")]


def public_log_routes(reads: StoredReads, use: Callable[[], PublicUse], clock: Clock) -> APIRouter:
    """Both pages; `use` is what the ledger says now. Keeps: log.public"""
    router = APIRouter()

    def asked(first: date | None, last: date | None) -> tuple[datetime, datetime]:
        now = clock.now()
        end_day = last or now.date() + timedelta(days=1)
        start_day = first or end_day - timedelta(days=_DEFAULT_DAYS)
        if not start_day < end_day <= start_day + timedelta(days=_MOST_DAYS):
            raise InvalidMessage("no-span", f"`from` must be before `until`, by at most {_MOST_DAYS} days.")
        over = now.replace(minute=0, second=0, microsecond=0)
        return datetime.combine(start_day, time(), UTC), min(datetime.combine(end_day, time(), UTC), over)

    @router.get("/public-log")
    def public_log(first: First = None, last: Last = None) -> dict[str, Any]:
        """Reads collected and hits by reader and hour, fixed readers, and the databases that were compared with."""
        start, end = asked(first, last)
        told = use()
        lists = told.lists_between(start, end)
        collected, hits = reads.count_collected(start, end), reads.count_hits(start, end)
        return {
            "from": start,
            "until": end,
            "collected": collected,
            "hits": hits,
            "databases": sorted({*(hit.source for hit in hits), *(load.source for load in lists)}),
            "lists": lists,
            "fixed_readers": told.readers_between(start, end),
        }

    @router.get("/public-log.csv", response_class=Response)
    def public_log_as_csv(first: First = None, last: Last = None) -> Response:
        """The same as one table; `counted` says what a line counts."""
        start, end = asked(first, last)
        lines = [_collected_line(one) for one in reads.count_collected(start, end)]
        lines += [_hit_line(one) for one in reads.count_hits(start, end)]
        told = use()
        lines += [_list_line(one) for one in told.lists_between(start, end)]
        lines += [_reader_line(one) for one in told.readers_between(start, end)]
        table = [_CSV_HEAD, *sorted(lines, key=lambda line: [str(cell) for cell in line])]
        return Response("".join(csv_line(line) for line in table), media_type="text/csv; charset=utf-8")

    return router


def _collected_line(one: CollectionCount) -> tuple[object, ...]:
    return (one.hour.isoformat(), one.device_id, "reads", one.classification, "", "", "", one.reads, *_NOWHERE)


def _hit_line(one: HitCount) -> tuple[object, ...]:
    hour = one.hour.isoformat()
    return (hour, one.device_id, "hits", "", one.match_kind, one.category, one.source, one.hits, *_NOWHERE)


def _list_line(one: Load) -> tuple[object, ...]:
    """`hour` is when it was loaded."""
    return (one.loaded_at.isoformat(), "", "list-entries", "", "", "", one.source, one.entry_count, *_NOWHERE)


def _reader_line(one: Placement) -> tuple[object, ...]:
    """`hour` is since when it stands there."""
    until = one.until_at.isoformat() if one.until_at else ""
    place = (one.latitude, one.longitude, until)
    return (one.from_at.isoformat(), one.device_id, "fixed-reader", "", "", "", "", "", *place)
