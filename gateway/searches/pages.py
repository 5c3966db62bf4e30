"""Cursors: where the rest of an answer begins, signed for the person and the search they belong to."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from gateway.searches.finding import Found
from gateway.signing import Signer
from platestream.clock import from_ms, to_ms
from sinks.clickhouse.questions import Position


@dataclass(frozen=True)
class Page:
    """The rest, behind a read, of the answer to a search."""

    page_of: UUID
    after: Position


@dataclass(frozen=True)
class Cursors:
    """Makes cursors and opens them again. `search` is what must be the same in the search for the next page."""

    signer: Signer

    def next_page(self, found: Found, first: UUID, search: str, person_id: str, now: datetime) -> str | None:
        """The cursor of what was left out; None when that is nothing. `first` is the search for the first page."""
        if not found.is_truncated:
            return None
        content = {"at_ms": to_ms(found.last.collected_at), "read": found.last.read_id.hex, "of": first.hex}
        return self.signer.sign(content, person_id, now, search)

    def open(self, cursor: str, search: str, person_id: str, now: datetime) -> Page:
        """Raises InvalidMessage when it is no cursor of this person and search, or its time is over."""
        content = self.signer.open(cursor, person_id, now, search)
        after = Position(collected_at=from_ms(content["at_ms"]), read_id=UUID(content["read"]))
        return Page(UUID(content["of"]), after)
