"""Who is refused, each with a sentence of their own and each in the ledger; no row leaves to any of them."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from streams.ledger.events import SearchDecided, body_of
from tests.asking import NOW, authorize, found_program, found_read, let_in, revoke, search_body, suspend
from tests.unit.gateway.conftest import Asked

ANOTHER = "analyst-8"


def unauthorized(asked: Asked) -> None:
    found_program(asked.ledger, asked.clock)


def untrained(asked: Asked) -> None:
    authorize(asked.ledger, asked.clock)


def lapsed(asked: Asked) -> None:
    authorize(asked.ledger, asked.clock, from_at=NOW - timedelta(days=366))


def revoked_a_moment_ago(asked: Asked) -> None:
    let_in(asked.ledger, asked.clock)
    assert asked.search(search_body()).status_code == 200
    revoke(asked.ledger, asked.clock)


def asking_about_someone_tracked(asked: Asked) -> None:
    let_in(asked.ledger, asked.clock, ANOTHER)
    for _ in range(asked.settings.gateway.tracking_searches):
        assert asked.search(search_body(), ANOTHER).status_code == 200
    let_in(asked.ledger, asked.clock)


def while_suspended(asked: Asked) -> None:
    let_in(asked.ledger, asked.clock)
    suspend(asked.ledger, asked.clock)


REFUSED: dict[Callable[[Asked], None], tuple[str, str]] = {
    unauthorized: ("access.list", "You have no authorization in writing to search stored reads."),
    untrained: ("training.before-use", "No training of yours is on record; searching comes after it."),
    lapsed: ("access.list", "Your authorization lapsed because it was not reviewed in time."),
    revoked_a_moment_ago: (
        "access.list",
        "Your authorization was revoked; only a new one in writing restores it.",
    ),
    asking_about_someone_tracked: (
        "tracking.gate",
        "This plate was searched for 5 times in 30 days; more needs a warrant, or an exigency that a supervisor puts "
        "on record.",
    ),
    while_suspended: ("suspension.order", "All use is suspended by order; nothing is answered until it is lifted."),
}


@pytest.mark.rule("access.list", "training.before-use", "tracking.gate", "suspension.order", "query.log")
@pytest.mark.parametrize("arrange", REFUSED, ids=lambda arrange: arrange.__name__)
def test_each_is_refused_with_its_own_sentence_and_written_down(asked: Asked, arrange: Callable[[Asked], None]) -> None:
    rule, sentence = REFUSED[arrange]
    asked.reads.reads.append(found_read())
    arrange(asked)
    before = asked.reads.times_asked
    answer = asked.search(search_body())
    assert (answer.status_code, answer.json()["rule"], answer.json()["detail"]) == (403, rule, sentence)
    requested, decided = asked.ledger.events()[-2:]
    body = body_of(decided)
    assert requested.kind == "search-requested"
    assert isinstance(body, SearchDecided)
    assert (body.is_allowed, body.rule, body.sentence) == (False, rule, sentence)
    assert asked.reads.times_asked == before
    assert "rows" not in answer.json()


@pytest.mark.rule("query.log")
def test_with_the_broker_stopped_nothing_is_answered_and_that_is_no_refusal(asked: Asked) -> None:
    asked.reads.reads.append(found_read())
    let_in(asked.ledger, asked.clock)
    written, asked.ledger.is_away = list(asked.ledger.log), True
    answer = asked.search(search_body())
    assert (answer.status_code, answer.json()["rule"]) == (503, None)
    assert "nothing was answered" in answer.json()["detail"]
    assert asked.ledger.log == written
    assert asked.reads.times_asked == 0


def test_no_two_sentences_are_alike() -> None:
    assert len(set(REFUSED.values())) == len(REFUSED)
