import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from pydantic import ValidationError

from streams.ledger.body import Body
from streams.ledger.events import body_of, new_event
from streams.ledger.holding import (
    ByArea,
    ByPlate,
    ByReaders,
    ByReads,
    Circle,
    DestructionCertified,
    DestructionStarted,
    HoldChanged,
    HoldEnded,
    HoldOpened,
    PlaceCount,
    PlaceDestroyed,
    Point,
    Polygon,
    Selection,
)

AT = datetime(2026, 3, 10, tzinfo=UTC)
SPAN = {"collected_from": AT, "collected_until": AT + timedelta(days=1)}
TRIANGLE = Polygon(points=tuple(Point(latitude=a, longitude=b) for a, b in ((44, -93), (45, -93), (45, -94))))


def opened(selection: Selection, **fields: Any) -> HoldOpened:
    return HoldOpened(
        **{
            "hold_id": uuid4(),
            "hold_kind": "investigation",
            "case_number": "26-000042",
            "document_id": "memo-1",
            "opened_by": "investigator-1",
            "attested_until": AT + timedelta(days=90),
            "selection": selection,
            **fields,
        }
    )


@pytest.mark.parametrize(
    "body",
    [
        opened(ByPlate(**SPAN)),
        opened(ByReaders(device_ids=("gate-1",), **SPAN)),
        opened(ByArea(area=Circle(latitude=44.9, longitude=-93, radius_metres=500), **SPAN)),
        opened(ByArea(area=TRIANGLE, **SPAN)),
        opened(ByReads(read_count=3), hold_kind="exculpatory"),
        HoldChanged(
            hold_id=uuid4(), change="inactive", document_id="schedule-7", changed_by="commander-1", destroy_at=AT
        ),
        HoldChanged(
            hold_id=uuid4(), change="attested", document_id="memo-2", changed_by="commander-1", attested_until=AT
        ),
        HoldChanged(hold_id=uuid4(), change="disposed", document_id="judgment-3", changed_by="clerk-1"),
        HoldEnded(hold_id=uuid4(), read_count=2, picture_count=1, method="partition dropped"),
        DestructionStarted(sweep_id=uuid4(), collected_before=AT, found=(PlaceCount(place="reads", count=7),)),
        DestructionCertified(
            sweep_id=uuid4(),
            collected_before=AT,
            places=(PlaceDestroyed(place="reads", destroyed=7, survivors=0, method="partition dropped"),),
            held_reads=1,
        ),
    ],
)
def test_bodies_come_back_from_an_event_as_they_were(body: Body) -> None:
    assert body_of(new_event(body, at=AT, actor_id="a", subject_id="s")) == body


def test_a_certificate_with_survivors_cannot_be_written() -> None:
    with pytest.raises(ValidationError):
        PlaceDestroyed.model_validate({"place": "reads", "destroyed": 7, "survivors": 1, "method": "partition dropped"})
    with pytest.raises(ValidationError):
        PlaceDestroyed.model_validate(
            {"place": "reads", "destroyed": 7, "survivors": None, "method": "partition dropped"}
        )


@pytest.mark.rule("retention.inactive")
def test_no_hold_without_a_date_of_attestation_and_none_inactive_without_its_date() -> None:
    fields = json.loads(opened(ByPlate(**SPAN)).model_dump_json())
    del fields["attested_until"]
    with pytest.raises(ValidationError):
        HoldOpened.model_validate(fields)
    with pytest.raises(ValidationError, match="when its data is destroyed"):
        HoldChanged(hold_id=uuid4(), change="inactive", document_id="schedule-7", changed_by="commander-1")


def test_a_span_that_is_turned_round_is_refused() -> None:
    with pytest.raises(ValidationError, match="after its beginning"):
        ByPlate(collected_from=AT, collected_until=AT)
