"""POST /v1/searches on doubles: what is answered, what is refused, what is written down."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from prometheus_client import REGISTRY

from gateway.routes.answers import NOTICE
from streams.ledger.events import SearchAnswered, SearchDecided, body_of
from streams.ledger.sealing import load_seals, open_seal
from tests.asking import ANALYST, NOW, PLATE, authorize, found_read, let_in, opened, search_body
from tests.unit.gateway.conftest import Asked

WRITTEN = ["search-requested", "search-decided", "search-answered"]


@pytest.fixture
def ready(asked: Asked) -> Asked:
    let_in(asked.ledger, asked.clock)
    return asked


@pytest.mark.rule("classification.private", "share.notice")
def test_an_answer_carries_notice_classification_and_destroy_by_date(ready: Asked) -> None:
    read = found_read(collected_at=datetime(2026, 3, 9, 23, 59, 59, tzinfo=UTC))
    ready.reads.reads.append(read)
    answer = ready.search(search_body())
    assert answer.status_code == 200
    content = answer.json()
    assert content["notice"] == NOTICE
    assert (content["row_count"], content["is_truncated"]) == (1, False)
    [picture] = content["rows"][0]["pictures"]
    assert content["rows"] == [
        {
            "read_id": str(read.read_id),
            "plate": PLATE,
            "state": "MN",
            "collected_at": "2026-03-09T23:59:59Z",
            "received_at": "2026-03-10T00:00:01Z",
            "device_id": "device-1",
            "latitude": 44.95,
            "longitude": -93.09,
            "confidence": 0.91,
            "classification": "private",
            "destroy_by": "2026-05-08",
            "pictures": [{"sha256": bytes(range(32)).hex(), "kind": "PLATE", "link": picture["link"]}],
        }
    ]
    assert picture["link"].startswith("/v1/pictures/")


def test_a_look_alike_spelling_finds_the_read_and_shows_it_as_read(ready: Asked) -> None:
    ready.reads.reads.append(found_read("KLMOI5"))
    assert [row["plate"] for row in ready.search(search_body(plate="klm-015")).json()["rows"]] == ["KLMOI5"]


@pytest.mark.rule("query.log")
def test_request_decision_and_answer_stand_in_the_ledger(ready: Asked) -> None:
    ready.reads.reads.append(found_read())
    search_id = ready.search(search_body(reason=f"Locate the stolen car {PLATE}")).json()["search_id"]
    requested, decided, answered = ready.ledger.events()[-3:]
    assert [event.kind for event in (requested, decided, answered)] == WRITTEN
    assert {event.subject_id for event in (requested, decided, answered)} == {search_id}
    assert [event.actor_id for event in (requested, decided, answered)] == [ANALYST, "gateway", ANALYST]
    assert requested.plate_hash == load_seals(ready.settings).hash_plate("KLMO15")
    assert "Locate the stolen car [plate]" in requested.body
    whole = opened(requested.sealed, ready.private_key_file)
    assert (whole["plate"], whole["reason"]) == (PLATE, f"Locate the stolen car {PLATE}")
    body = body_of(answered)
    assert isinstance(body, SearchAnswered)
    assert (body.outcome, body.row_count) == ("answered", 1)
    assert open_seal(answered.sealed, ready.private_key_file) == ready.reads.reads[0].read_id.bytes


@pytest.mark.rule("query.log")
@pytest.mark.parametrize("field", ["case_number", "reason", "factual_basis"])
@pytest.mark.parametrize("value", [None, "", "test"])
def test_a_search_without_a_purpose_is_refused_and_written_down(ready: Asked, field: str, value: str | None) -> None:
    ready.reads.reads.append(found_read())
    answer = ready.search(search_body(**{field: value}))
    assert answer.status_code == 403
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["rule"] == "query.log"
    assert ready.kinds() == WRITTEN[:2]
    decided = body_of(ready.ledger.events()[-1])
    assert isinstance(decided, SearchDecided)
    assert (decided.is_allowed, decided.rule, decided.sentence) == (False, "query.log", answer.json()["detail"])
    assert ready.reads.times_asked == 0


@pytest.mark.rule("query.log")
def test_answers_and_refusals_explain_themselves_when_asked_to(ready: Asked) -> None:
    plain = ready.search(search_body()).json()
    assert plain["steps"] is None
    steps = ready.search(search_body(), explain=True).json()["steps"]
    assert [step["rule"] for step in steps][:3] == ["access.list", "program.administration", "training.before-use"]
    assert all(step["is_allowed"] for step in steps)
    refused = ready.search(search_body(reason="test"), explain=True).json()
    assert [step["sentence"] for step in refused["steps"] if not step["is_allowed"]] == [refused["detail"]]
    assert "steps" not in ready.search(search_body(reason="test")).json()


@pytest.mark.rule("tracking.gate")
def test_a_plate_searched_again_and_again_is_refused_with_its_own_sentence(ready: Asked) -> None:
    assert [ready.search(search_body()).status_code for _ in range(5)] == [200] * 5
    answer = ready.search(search_body())
    assert (answer.status_code, answer.json()["rule"]) == (403, "tracking.gate")
    assert "warrant" in answer.json()["detail"]


@pytest.mark.rule("access.list")
def test_someone_not_on_the_list_is_refused_and_written_down(ready: Asked) -> None:
    answer = ready.search(search_body(), person_id="somebody-else")
    assert (answer.status_code, answer.json()["rule"]) == (403, "access.list")
    assert ready.kinds() == WRITTEN[:2]


@pytest.mark.rule("training.before-use")
def test_someone_untrained_is_refused_and_written_down(asked: Asked) -> None:
    authorize(asked.ledger, asked.clock)
    answer = asked.search(search_body())
    assert (answer.status_code, answer.json()["rule"]) == (403, "training.before-use")
    assert asked.kinds() == WRITTEN[:2]


def test_an_authorization_ends_by_itself(ready: Asked) -> None:
    ready.clock.advance(timedelta(days=89))
    assert ready.search(search_body(ready.clock.now())).status_code == 200
    ready.clock.advance(timedelta(days=1))
    assert ready.search(search_body(ready.clock.now())).status_code == 403


def away_ledger(asked: Asked) -> None:
    asked.ledger.is_away = True


def away_reads(asked: Asked) -> None:
    asked.reads.is_away = True


@pytest.mark.rule("query.log")
@pytest.mark.parametrize("go_away", [away_ledger, away_reads])
def test_with_a_part_away_there_is_no_data(ready: Asked, go_away: Callable[[Asked], None]) -> None:
    ready.reads.reads.append(found_read())
    go_away(ready)
    answer = ready.search(search_body())
    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
    assert PLATE not in answer.text
    assert set(answer.json()) == {"type", "title", "status", "detail", "rule"}


def test_rows_are_capped_and_the_answer_says_so(ready: Asked) -> None:
    ready.reads.reads += [found_read() for _ in range(4)]
    content = ready.search(search_body(row_limit=3)).json()
    assert (content["row_count"], content["is_truncated"], len(content["rows"])) == (3, True, 3)


MALFORMED: list[Any] = [
    None,
    [],
    "plate",
    {},
    search_body(plate=""),
    search_body(plate="KLM;--"),
    search_body(plate="\ud800"),
    search_body(plate=["KLM015"]),
    search_body(collected_from="yesterday"),
    search_body(collected_from="2026-03-01T00:00:00"),
    search_body(collected_until="0001-01-01T00:00:00+14:00"),
    search_body(collected_until=(NOW - timedelta(days=8)).isoformat()),
    search_body(reason=7),
    search_body(reason="x" * 2001),
    search_body(row_limit=0),
    search_body(person_id="somebody"),
    {**search_body(), PLATE: "a field named after the plate"},
]


@pytest.mark.parametrize("body", MALFORMED, ids=str)
def test_what_is_no_search_is_a_problem_and_not_written_down(ready: Asked, body: Any) -> None:
    answer = ready.search(body)
    assert answer.status_code == 422
    assert answer.json()["detail"]
    assert PLATE not in answer.text
    assert not ready.kinds()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 50_000, b'{"plate": NaN}'])
def test_what_is_no_json_is_a_problem(ready: Asked, content: bytes) -> None:
    headers = ready.token() | {"Content-Type": "application/json"}
    answer = ready.client.post("/v1/searches", content=content, headers=headers)
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
WORDS = st.text(max_size=2000) | st.just("Owner reported the car stolen from Rice Street")
TIMES = st.datetimes(timezones=st.timezones()).map(datetime.isoformat) | st.text() | st.integers()
SEARCHES = st.fixed_dictionaries(
    {},
    optional={
        "plate": st.from_regex(r"\A[A-Za-z0-9 .-]{1,20}\Z") | st.text(),
        "collected_from": TIMES | st.just((NOW - timedelta(days=3)).isoformat()),
        "collected_until": TIMES | st.just(NOW.isoformat()),
        "case_number": WORDS | st.just("26-012345"),
        "reason": WORDS,
        "factual_basis": WORDS | st.just("Keys were left inside, doors open"),
        "offence": WORDS,
        "row_limit": st.integers(),
    },
)


@given(JSON | SEARCHES | st.builds(lambda changes: search_body() | changes, SEARCHES))
@hypothesis_settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_body_breaks_the_gateway(ready: Asked, body: Any) -> None:
    answer = ready.search(body)
    assert answer.status_code in {200, 403, 422}
    assert len(ready.kinds()) >= {200: 3, 403: 2, 422: 0}[answer.status_code]


def test_outcomes_are_counted(ready: Asked) -> None:
    def counts() -> list[float]:
        outcomes = ("answered", "refused", "failed", "malformed")
        name = "platestream_gateway_searches_total"
        return [REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0 for outcome in outcomes]

    before = counts()
    ready.search(search_body())
    ready.search(search_body(reason=None))
    ready.search({})
    away_reads(ready)
    ready.search(search_body())
    assert [after - was for after, was in zip(counts(), before, strict=True)] == [1, 1, 1, 1]
