"""Bodies of events about what the public log tells beside its counts: where fixed readers stand, what was loaded.

Rule log.public.
"""

from typing import Annotated

from pydantic import AwareDatetime, Field

from schemas.messages import Latitude, Longitude, Name
from streams.ledger.body import Body

Count = Annotated[int, Field(ge=0)]


class ReaderPlaced(Body):
    """A fixed reader stands here from `from_at` on; where it stood before ends then. Degrees, WGS 84."""

    kind = "reader-placed"

    device_id: Name
    latitude: Latitude
    longitude: Longitude
    from_at: AwareDatetime


class ReaderRemoved(Body):
    """A fixed reader stands nowhere from `until_at` on."""

    kind = "reader-removed"

    device_id: Name
    until_at: AwareDatetime


class ListLoaded(Body):
    """A list was put in force: `entry_count` entries of its source's extract of `extracted_at`. No entry is in it."""

    kind = "list-loaded"

    source: Name
    entry_count: Count
    removed_count: Count
    extracted_at: AwareDatetime


PUBLISHING = (ReaderPlaced, ReaderRemoved, ListLoaded)
