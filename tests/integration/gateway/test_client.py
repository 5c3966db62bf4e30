"""The client and `platestream search` on a gateway that is served."""

import csv
import hashlib
import io
import json
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from typer.testing import CliRunner, Result

from gateway.access.tokens import issue_token
from gateway.client import GatewayClient
from gateway.routes.answers import NOTICE
from platestream.cli import typer_app
from platestream.errors import InvalidMessage, RefusedError, TransientError
from schemas.messages import PictureKind
from sinks.clickhouse.reads import StoredPicture
from sinks.pictures.store import PictureStore, day_of
from tests.asking import ANALYST, CASE, PLATE, found_read, keep_reads, let_in, search_body
from tests.integration.gateway.conftest import Served
from tests.storing import an_image

HOUR = timedelta(hours=1)
WORDS = [
    "--case", CASE, "--offence", "stolen-vehicle", "--reason", "Locate the stolen car of the complainant",
    "--facts", "Owner reported the car stolen from Rice Street, keys left inside",
]  # fmt: skip


@pytest.fixture
def token(served: Served) -> str:
    let_in(served.ledger, served.clock)
    return issue_token(served.settings, ANALYST, HOUR, served.clock)


def test_a_program_gets_pages_tables_and_pictures(served: Served, token: str, now: datetime) -> None:
    image = an_image()
    picture = StoredPicture(sha256=hashlib.sha256(image).digest(), kind="PLATE")
    read = replace(found_read(PLATE, now - HOUR), pictures=(picture,))
    PictureStore(served.settings).write(day_of(read.collected_at), read.read_id, PictureKind.PLATE, image)
    keep_reads(served.store, [read, found_read(PLATE, now - 2 * HOUR), found_read(PLATE, now - 3 * HOUR)])
    with GatewayClient(str(served.client.base_url), token) as client:
        pages = list(client.pages("plate", search_body(now, row_limit=2)))
        assert [page["row_count"] for page in pages] == [2, 1]
        assert client.picture(pages[0]["rows"][0]["pictures"][0]["link"]) == image
        assert client.table("plate", search_body(now)).count("\n") == 5
        with pytest.raises(RefusedError) as refused:
            client.search("plate", search_body(now, reason="test"))
        assert refused.value.rule == "query.log"
        with pytest.raises(InvalidMessage, match="3 characters"):
            client.search("partial", search_body(now, plate=None, pattern="*"))
    with GatewayClient("http://127.0.0.1:9", token) as away, pytest.raises(TransientError, match="cannot be reached"):
        away.search("plate", search_body(now))


KINDS = [
    ["plate", "klm-015"],
    ["plate", "KLMD15", "--match", "look-alike"],
    ["last-seen", PLATE],
    ["partial", "KLM0*"],
    ["area", "44.95,-93.09,500"],
    ["area", "44.9,-93.1 45.0,-93.1 45.0,-93.0 44.9,-93.0"],
    ["reader", "device-1"],
    ["places", "44.95,-93.09,500", "readers:device-1,device-2"],
]


def test_every_kind_is_asked_from_the_command_line(served: Served, token: str, now: datetime) -> None:
    served.keep(PLATE, now - HOUR)

    def run(*arguments: str) -> Result:
        address = ["--url", str(served.client.base_url)]
        return CliRunner().invoke(typer_app, ["search", *WORDS, *address, *arguments], env={"GATEWAY_TOKEN": token})

    for kind in KINDS:
        done = run("--json", *kind)
        assert done.exit_code == 0, (kind, done.output)
        assert [row["plate"] for row in json.loads(done.output)["rows"]] == [PLATE], kind
    shown = run("plate", PLATE).output
    assert "CONFIDENTIAL" in shown
    assert "1 reads" in shown
    [notice], _, row = csv.reader(io.StringIO(run("--csv", "plate", PLATE).output))
    assert (notice, row[1]) == (NOTICE, PLATE)
    assert isinstance(run("partial", "*").exception, InvalidMessage)
    assert run("area", "here").exit_code == 2
