"""Links to the pictures of an answer: each for one picture, the person who was answered, and a short time."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from gateway.signing import Signer
from schemas.messages import PictureKind
from sinks.clickhouse.reads import StoredPicture, StoredRead
from sinks.pictures.held import StoredAs
from sinks.pictures.store import day_of

PATH = "/v1/pictures/"


@dataclass(frozen=True)
class Linked:
    """The picture a link leads to, and the search whose answer showed it."""

    search_id: UUID
    picture: StoredAs


@dataclass(frozen=True)
class PictureLinks:
    """Makes links and opens them again. A link is no token: the door wants one all the same."""

    signer: Signer

    def link(self, search_id: UUID, person_id: str, now: datetime, read: StoredRead, picture: StoredPicture) -> str:
        """The address, on this gateway, of a picture of a read that a search told."""
        content = {
            "of": search_id.hex,
            "day": day_of(read.collected_at).isoformat(),
            "read": read.read_id.hex,
            "kind": picture.kind,
            "sha256": picture.sha256.hex(),
        }
        return PATH + self.signer.sign(content, person_id, now)

    def open(self, text: str, person_id: str, now: datetime) -> Linked:
        """Raises InvalidMessage when it is no link of this person, or its time is over."""
        content = self.signer.open(text, person_id, now)
        picture = StoredAs(
            day=date.fromisoformat(content["day"]),
            read_id=UUID(content["read"]),
            kind=PictureKind(content["kind"]),
            sha256=bytes.fromhex(content["sha256"]),
        )
        return Linked(UUID(content["of"]), picture)
