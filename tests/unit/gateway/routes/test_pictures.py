"""Picture links: for whoever was answered, for a while, each use in the ledger before the picture is told."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from schemas.messages import PictureKind
from sinks.clickhouse.reads import StoredPicture
from sinks.pictures.store import PictureStore, day_of
from streams.ledger.events import body_of
from streams.ledger.sealing import open_seal
from streams.ledger.showing import PictureAnswered, PictureRequested
from tests.asking import ANALYST, NOW, found_read, let_in, revoke, search_body
from tests.storing import an_image
from tests.unit.gateway.conftest import Asked

IMAGE = an_image()
SHOWN = ["picture-requested", "picture-answered"]


@pytest.fixture
def link(asked: Asked) -> str:
    """A link that was given to the analyst."""
    let_in(asked.ledger, asked.clock)
    let_in(asked.ledger, asked.clock, "analyst-8")
    picture = StoredPicture(sha256=hashlib.sha256(IMAGE).digest(), kind="PLATE")
    read = replace(found_read(), pictures=(picture,))
    asked.reads.reads.append(read)
    store = PictureStore(asked.settings)
    store.write(day_of(read.collected_at), read.read_id, PictureKind.PLATE, IMAGE)
    [row] = asked.search(search_body()).json()["rows"]
    given: str = row["pictures"][0]["link"]
    return given


def get(asked: Asked, link: str, person_id: str = ANALYST) -> Any:
    return asked.client.get(link, headers=asked.token(person_id))


def pictures_in(asked: Asked) -> list[Any]:
    return [event for event in asked.ledger.events() if event.kind.startswith("picture-")]


@pytest.mark.rule("query.log", "share.notice")
def test_a_picture_is_told_after_its_use_is_in_the_ledger(asked: Asked, link: str) -> None:
    answer = get(asked, link)
    assert (answer.status_code, answer.content) == (200, IMAGE)
    assert answer.headers["content-type"] == "image/jpeg"
    assert answer.headers["cache-control"] == "no-store"
    assert "CONFIDENTIAL" in answer.headers["platestream-notice"]
    requested, answered = pictures_in(asked)
    assert [event.kind for event in (requested, answered)] == SHOWN
    assert (requested.actor_id, answered.actor_id) == (ANALYST, "gateway")
    assert open_seal(requested.sealed, asked.private_key_file) == asked.reads.reads[0].read_id.bytes
    body = body_of(answered)
    assert isinstance(body, PictureAnswered)
    assert body.outcome == "shown"
    asked_for = body_of(requested)
    assert isinstance(asked_for, PictureRequested)
    assert str(asked.reads.reads[0].read_id) not in requested.body


@pytest.mark.rule("access.list")
def test_a_link_is_for_the_person_who_was_answered(asked: Asked, link: str) -> None:
    assert get(asked, link, "analyst-8").status_code == 422
    assert asked.client.get(link).status_code == 401
    assert get(asked, link[:30] + "x" + link[31:]).status_code == 422
    assert not pictures_in(asked)


def test_a_link_ends_by_itself(asked: Asked, link: str) -> None:
    asked.clock.advance(timedelta(minutes=15))
    answer = get(asked, link)
    assert answer.status_code == 422
    assert "search again" in answer.json()["detail"]
    assert not pictures_in(asked)


@pytest.mark.rule("access.list")
def test_who_was_revoked_sees_no_picture_and_that_is_written_down(asked: Asked, link: str) -> None:
    revoke(asked.ledger, asked.clock)
    answer = get(asked, link)
    assert (answer.status_code, answer.json()["rule"]) == (403, "access.list")
    assert '"outcome":"refused"' in pictures_in(asked)[-1].body


@pytest.mark.rule("retention.sixty-days")
def test_a_picture_that_was_destroyed_is_gone_whatever_link_there_is(asked: Asked, link: str) -> None:
    PictureStore(asked.settings).destroy(day_of(NOW - timedelta(days=1)))
    answer = get(asked, link)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert '"outcome":"gone"' in pictures_in(asked)[-1].body


def test_without_the_ledger_there_is_no_picture(asked: Asked, link: str) -> None:
    asked.ledger.is_away = True
    assert get(asked, link).status_code == 503


def test_a_picture_that_was_changed_is_not_told(asked: Asked, link: str) -> None:
    [file] = (asked.settings.home / "pictures").rglob("*.sealed")
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    assert get(asked, link).status_code == 503
    assert [event.kind for event in pictures_in(asked)] == SHOWN[:1]
