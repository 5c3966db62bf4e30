"""A small ledger as it stands on the topic, and its exports, for tests of the proof."""

import io
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from schemas.codec import Codec
from schemas.messages import LedgerEvent
from streams.ledger.classification import Withheld, withheld_from_public
from streams.ledger.events import SearchRequested, new_event, search_requested
from streams.ledger.export import write_export
from streams.ledger.proof import Event
from streams.ledger.sealing import Seals
from streams.ledger.signing import HeadSigner, signed_head
from streams.ledger.verification import verify_events

AT = datetime(2026, 3, 10, 12, tzinfo=UTC)
SIGNER = HeadSigner(Ed25519PrivateKey.generate())
TOPIC = "ledger"


def as_stored(codec: Codec, events: Sequence[LedgerEvent]) -> list[Event]:
    return [Event(at, event.subject_id.encode(), codec.encode(event)) for at, event in enumerate(events)]


def search_event(seals: Seals, plate: str = "KLM0I5") -> LedgerEvent:
    asked = SearchRequested(
        search_id=uuid4(), reason="words", collected_from=AT, collected_until=AT + timedelta(1), row_limit=1
    )
    return search_requested(asked, {"plate": plate}, at=AT, person_id="analyst-7", seals=seals)


def with_signed_head(codec: Codec, events: list[Event]) -> list[Event]:
    """The events and one that signs the head so far."""
    signed = signed_head(verify_events(events, TOPIC), TOPIC, SIGNER, AT)
    event = new_event(signed, at=AT, actor_id="ledger", subject_id="ledger")
    return [*events, Event(len(events), b"ledger", codec.encode(event))]


def exported(
    events: Sequence[Event], withhold: Callable[[Event], Withheld | None] | None = withheld_from_public
) -> bytes:
    out = io.BytesIO()
    write_export(events, out, topic=TOPIC, at=AT, signer=SIGNER, withhold=withhold)
    return out.getvalue()
