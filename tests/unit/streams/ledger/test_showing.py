"""What the public, an auditor and a stranger see of the ledger."""

from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest

from platestream.errors import ConfigError, IntegrityError, InvalidMessage
from platestream.settings import Settings
from schemas.codec import Codec
from streams.ledger.classification import CLASSIFICATIONS, withheld_from_public
from streams.ledger.events import (
    KINDS,
    SearchAnswered,
    SearchDecided,
    new_event,
    search_answered,
)
from streams.ledger.opening import open_searches
from streams.ledger.people import AuthorizationRevoked, RoleAssigned
from streams.ledger.proof import Event
from streams.ledger.sealing import SealOpener, load_seals, new_log_reader
from streams.ledger.signing import load_signer, new_signing_key, public_key_file, read_public_key, signed_head
from streams.ledger.verification import verify_events
from tests.asking import make_keys
from tests.proving import AT, as_stored, exported, search_event


@pytest.mark.rule("classification.private")
def test_every_kind_of_event_is_classified() -> None:
    assert set(CLASSIFICATIONS) == KINDS


def test_an_event_that_nobody_classified_is_not_exported(codec: Codec) -> None:
    body = AuthorizationRevoked(person_id="p", revoked_by="a", reason="moved")
    event = new_event(body, at=AT, actor_id="a", subject_id="p")
    unknown = type(event)(**{**vars(event), "kind": "unheard-of"})
    with pytest.raises(ConfigError, match="not classified"):
        withheld_from_public(as_stored(codec, [unknown])[0])


@pytest.mark.rule("classification.private")
def test_a_public_export_withholds_event_by_event_with_a_reason(codec: Codec, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    make_keys(settings)
    search = search_event(load_seals(settings))
    body = RoleAssigned(person_id="p", role="operator")
    shown = exported(as_stored(codec, [new_event(body, at=AT, actor_id="a", subject_id="p"), search]))
    lines = shown.splitlines()
    assert b"withheld" not in lines[1]
    assert b'"withheld":{"kind":"search-requested","classification":"private","reason":"13.824 subd. 2"}' in lines[2]
    assert b"value" not in lines[2]


def test_a_ledger_with_a_hole_is_not_exported(codec: Codec) -> None:
    body = AuthorizationRevoked(person_id="p", revoked_by="a", reason="moved")
    event = as_stored(codec, [new_event(body, at=AT, actor_id="a", subject_id="p")])[0]
    with pytest.raises(IntegrityError, match="Event 0"):
        exported([event._replace(offset=1)])


def a_search(codec: Codec, settings: Settings) -> tuple[list[Event], bytes]:
    """Asked, allowed, answered with one read."""
    seals, read_id = load_seals(settings), uuid4()
    asked = search_event(seals)
    about = {"search_id": asked.subject_id}
    decided = SearchDecided.model_validate(about | {"is_allowed": True, "rule": "query.log", "sentence": "in order"})
    answered = SearchAnswered.model_validate(about | {"outcome": "answered", "row_count": 1, "is_truncated": False})
    events = [
        asked,
        new_event(decided, at=AT, actor_id="gateway", subject_id=asked.subject_id),
        search_answered(answered, [read_id], at=AT, person_id="analyst-7", seals=seals),
    ]
    return as_stored(codec, events), read_id.bytes


@pytest.mark.rule("breach.notice")
def test_the_auditors_key_and_only_it_names_the_plates_and_reads_of_a_breach(codec: Codec, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    auditor = make_keys(settings)
    events, read_id = a_search(codec, settings)
    span = {"since": AT, "until": AT + timedelta(seconds=1)}
    [search] = open_searches(events, SealOpener(auditor), person_id="analyst-7", **span)
    assert (search.asked["plate"], search.asked["reason"], search.is_allowed) == ("KLM0I5", "words", True)
    assert [one.bytes for one in search.read_ids] == [read_id]
    assert open_searches(events, SealOpener(auditor), person_id="somebody-else", **span) == []
    late = {"since": AT + timedelta(seconds=1), "until": AT + timedelta(days=1)}
    assert open_searches(events, SealOpener(auditor), person_id=None, **late) == []
    stranger = tmp_path / "stranger.key"
    new_log_reader("stranger", public_keys_file=tmp_path / "elsewhere", private_key_file=stranger)
    with pytest.raises(InvalidMessage, match="sealed to this key"):
        open_searches(events, SealOpener(stranger), person_id=None, **span)


def test_the_signing_key_is_made_once_and_its_public_half_verifies(tmp_path: Path, codec: Codec) -> None:
    settings = Settings(home=tmp_path)
    file = settings.path(settings.gateway.ledger_signing_key_file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_signer(settings)
    assert new_signing_key(file)
    assert not new_signing_key(file)
    assert load_signer(settings).public_key == read_public_key(public_key_file(file))
    public_key_file(file).write_bytes(b"no key")
    with pytest.raises(ConfigError, match="no public key"):
        read_public_key(public_key_file(file))
    file.write_bytes(b"no key")
    with pytest.raises(ConfigError, match="no signing key"):
        load_signer(settings)


def test_the_head_of_a_damaged_ledger_is_not_signed(codec: Codec, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    new_signing_key(settings.path(settings.gateway.ledger_signing_key_file))
    damaged = verify_events([Event(0, b"k", b"no event")], "ledger")
    with pytest.raises(IntegrityError, match="does not verify"):
        signed_head(damaged, "ledger", load_signer(settings), AT)
