"""Questions about plates read the parts of the table where those plates are, and no more."""

from datetime import timedelta

import pytest

from gateway.routes.bodies import PartialSearch, PlateSearch, SearchBody
from sinks.clickhouse.questions import Question, condition_of
from sinks.clickhouse.store import Store
from tests.asking import search_body
from tests.storing import NOW

ROWS = 50_000
FILL = f"""
INSERT INTO reads (folded_plate, plate, collected_at, read_id, device_id, received_at)
SELECT leftPad(toString(number), 6, 'A') AS plate, plate, now64(3, 'UTC') - toIntervalMinute(5), generateUUIDv4(),
    'gate-1', now64(3, 'UTC')
FROM numbers({ROWS})
"""


@pytest.mark.parametrize(
    "body",
    [
        PlateSearch.model_validate(search_body(NOW, plate="A12345", match="look-alike")),
        PlateSearch.model_validate(search_body(NOW, plate="A12345", match="exact")),
        PartialSearch.model_validate(search_body(NOW, plate=None, pattern="A123*")),
    ],
    ids=["look-alike", "exact", "partial"],
)
def test_the_primary_index_leads_to_the_plates(store: Store, body: SearchBody) -> None:
    store.client().command(FILL)
    day = timedelta(days=1)
    question = Question(about=body.about(), collected_from=NOW - day, collected_until=NOW + day, row_limit=10)
    condition = condition_of(question)
    explained = store.client().query(
        f"EXPLAIN ESTIMATE SELECT plate FROM reads WHERE {condition.sql}", parameters=condition.parameters
    )
    [(_, _, _, rows, _)] = explained.result_rows
    assert 0 < rows <= ROWS / 2
