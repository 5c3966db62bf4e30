import json
from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from platestream.errors import IntegrityError
from schemas.codec import Codec
from schemas.plates import fold
from streams.ledger.events import (
    SearchAnswered,
    SearchRequested,
    body_of,
    new_event,
    search_answered,
    search_requested,
)
from streams.ledger.people import AuthorizationRevoked
from streams.ledger.sealing import Seals

AT = datetime(2026, 3, 10, 12, 0, 0, 123456, tzinfo=UTC)
SEALS = Seals([PrivateKey.generate().public_key], bytes(32))
LETTERED = st.from_regex(r"\A[A-Z0-9]{2,3}[G-Z][A-Z0-9]{3}\Z")  # no such text comes up in ids, times or field names


def asked(**written: str | None) -> SearchRequested:
    return SearchRequested(search_id=uuid4(), collected_from=AT, collected_until=AT, row_limit=10, **written)  # type: ignore[arg-type]


@pytest.mark.rule("query.log")
@given(LETTERED, st.text(max_size=30))
def test_no_plate_is_in_the_bytes_of_a_request(codec: Codec, plate: str, text: str) -> None:
    words = f"{text}{plate} and {plate.lower()}"
    request = asked(case_number=plate, offence=plate, reason=words, factual_basis=f"{'-'.join(plate)} {text}")
    event = search_requested(request, {"plate": plate}, at=AT, person_id="analyst-7", seals=SEALS)
    value = codec.encode(event)
    assert plate.encode() not in value
    assert fold(plate).encode() not in value
    assert plate.lower() not in event.body.lower()


@given(st.lists(st.uuids(), max_size=5))
def test_no_read_id_is_in_the_bytes_of_an_answer(codec: Codec, read_ids: list[UUID]) -> None:
    answered = SearchAnswered(search_id=uuid4(), outcome="answered", row_count=len(read_ids), is_truncated=False)
    value = codec.encode(search_answered(answered, read_ids, at=AT, person_id="analyst-7", seals=SEALS))
    assert not any(read_id.bytes in value or str(read_id).encode() in value for read_id in read_ids)


def test_two_equal_acts_are_two_events() -> None:
    body = AuthorizationRevoked(person_id="p", revoked_by="a", reason="moved")
    one, other = (new_event(body, at=AT, actor_id="a", subject_id="p") for _ in range(2))
    assert one.body == other.body
    assert one.nonce != other.nonce
    assert one.event_id != other.event_id


def test_an_event_comes_back_as_it_was_written(codec: Codec) -> None:
    event = search_requested(asked(reason="words"), {"plate": "KLM015"}, at=AT, person_id="analyst-7", seals=SEALS)
    assert codec.decode(codec.encode(event)) == event
    assert body_of(event) == SearchRequested.model_validate_json(event.body)


def test_a_body_that_newer_software_wrote_is_not_guessed_at() -> None:
    body = AuthorizationRevoked(person_id="p", revoked_by="a", reason="moved")
    event = new_event(body, at=AT, actor_id="a", subject_id="p")
    widened = json.dumps({**json.loads(event.body), "only_for": "one reader"})
    changed = type(event)(**{**vars(event), "body": widened})
    with pytest.raises(IntegrityError, match="newest version"):
        body_of(changed)


def test_kinds_of_other_services_are_passed_over() -> None:
    body = AuthorizationRevoked(person_id="p", revoked_by="a", reason="moved")
    event = new_event(body, at=AT, actor_id="a", subject_id="p")
    assert body_of(type(event)(**{**vars(event), "kind": "read-destroyed"})) is None
