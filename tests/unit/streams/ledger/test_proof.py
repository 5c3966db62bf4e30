"""Whatever is done to an export or to the events behind it is found, and placed."""

import base64
import json
import random
import shutil
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from nacl.public import PrivateKey

from schemas.codec import Codec
from schemas.messages import LedgerEvent
from streams.ledger import proof
from streams.ledger.comparison import compare
from streams.ledger.events import new_event
from streams.ledger.people import RoleAssigned
from streams.ledger.proof import START, Event, Export, Fault, Row, check_of, leaf_of, next_head, read_event
from streams.ledger.sealing import Seals
from streams.ledger.signing import HeadSigner
from streams.ledger.verification import verify_events, verify_export
from tests.proving import AT, SIGNER, TOPIC, as_stored, exported, search_event, with_signed_head

SEALS = Seals([PrivateKey.generate().public_key], bytes(32))


def public_event(number: int = 0) -> LedgerEvent:
    body = RoleAssigned(person_id=f"person-{number}", role="operator")
    return new_event(body, at=AT, actor_id="commander-1", subject_id=f"person-{number}")


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """Events 0 to 5 and 6, which signs them; 1 and 3 are searches."""
    from tests.conftest import codec

    made: Codec = codec.__wrapped__()  # type: ignore[attr-defined]
    some = [search_event(SEALS) if at in {1, 3} else public_event(at) for at in range(6)]
    return with_signed_head(made, as_stored(made, some))


def faults_in(export: bytes, key: bytes | None = SIGNER.public_key) -> list[Fault]:
    reading = Export(export.splitlines(keepends=True), key)
    for _ in reading.rows():
        continue
    return reading.chain.faults


def test_the_chain_is_what_it_says() -> None:
    event = Event(258, b"ab", b"xyz")
    leaf = sha256(bytes.fromhex("0000000000000001020000000261620000000378797a")).digest()
    assert leaf_of(event) == leaf
    assert (
        leaf_of(event._replace(key=None)) == sha256(bytes.fromhex("000000000000000102ffffffff0000000378797a")).digest()
    )
    assert next_head(START, leaf) == sha256(b"\x01" + bytes(32) + leaf).digest()


@given(st.binary(max_size=5), st.binary(max_size=5), st.binary(max_size=5), st.binary(max_size=5))
def test_no_two_events_share_a_leaf(key: bytes, value: bytes, other_key: bytes, other_value: bytes) -> None:
    same = leaf_of(Event(0, key, value)) == leaf_of(Event(0, other_key, other_value))
    assert same == ((key, value) == (other_key, other_value))


def test_an_event_reads_as_the_codec_wrote_it(codec: Codec) -> None:
    event = search_event(SEALS)
    read = read_event(codec.encode(event))
    assert (read["kind"], read["event_id"], read["actor_id"]) == (event.kind, str(event.event_id), event.actor_id)
    assert read["body"] == json.loads(event.body)
    assert [base64.b64decode(box) for box in read["sealed"]] == list(event.sealed)
    assert read["plate_hash"] == (event.plate_hash or b"").hex()


@given(st.binary(max_size=80))
def test_no_bytes_upset_the_reader(value: bytes) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - whatever they are
        read_event(value)


@pytest.mark.parametrize("whole", [True, False])
def test_an_export_that_nobody_touched_verifies(events: list[Event], whole: bool) -> None:
    assert faults_in(exported(events, None) if whole else exported(events)) == []


def test_an_empty_ledger_verifies() -> None:
    assert faults_in(exported([])) == []


def test_every_changed_byte_of_an_export_is_found_and_placed(events: list[Event]) -> None:
    events = events[:3]
    export, line = exported(events), 0
    for at, byte in enumerate(export):
        faults = faults_in(export[:at] + bytes([byte ^ 1]) + export[at + 1 :])
        assert faults, at
        event = line - 1 if 0 < line <= len(events) else -1
        joined = byte == ord("\n")  # then two lines are one
        assert event in {fault.offset for fault in faults} or joined, (at, faults)
        line += byte == ord("\n")


LINES = st.lists(
    st.tuples(st.sampled_from(["remove", "swap", "repeat"]), st.integers(1, 7), st.integers(1, 7)),
    min_size=1,
    max_size=2,
)


@given(LINES)
@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_lines_that_were_removed_moved_or_repeated_are_found(
    events: list[Event], acts: list[tuple[str, int, int]]
) -> None:
    lines = before = exported(events).splitlines(keepends=True)
    for act, one, other in acts:
        lines = list(lines)
        if act == "remove":
            lines.pop(min(one, len(lines) - 1))
        elif act == "swap":
            lines[one], lines[other - 1] = lines[other - 1], lines[one]
        else:
            lines.insert(one, lines[other])
    assert bool(faults_in(b"".join(lines))) == (lines != before)


@pytest.mark.parametrize("cut", [1, 2, 5, 8])
def test_an_export_cut_short_is_found(events: list[Event], cut: int) -> None:
    lines = exported(events).splitlines(keepends=True)
    assert any(fault.kind == "missing" for fault in faults_in(b"".join(lines[:-cut])))


def forged(export: bytes, change: object = "commander-9") -> bytes:
    """Event 2 changed, and everything after it made to agree, but for the signature."""
    lines, head, check = [], START, ""
    for line in export.splitlines():
        content = json.loads(line.split(b"\t")[1])
        if "leaf" in content:
            if content["offset"] == 2:
                value = base64.b64decode(content["value"]).replace(b"commander-1", str(change).encode())
                content["value"] = base64.b64encode(value).decode()
                content["leaf"] = leaf_of(Event(2, base64.b64decode(content["key"]), value)).hex()
            head = next_head(head, bytes.fromhex(content["leaf"]))
        elif "end" in content:
            content["end"] |= {"head": head.hex(), "lines": check}
        text = json.dumps(content, separators=(",", ":"))
        check = check_of(check, text)
        lines.append(f"{check}\t{text}\n".encode())
    return b"".join(lines)


def test_a_forger_of_everything_is_found_by_the_signed_heads(events: list[Event]) -> None:
    faults = faults_in(forged(exported(events)))
    assert {fault.kind for fault in faults} == {"changed", "unsigned"}
    assert "event from 0 to 5" in faults[0].sentence


def test_without_a_key_a_forgery_of_events_after_the_last_signed_head_agrees_with_itself(events: list[Event]) -> None:
    unsigned = exported(events[:6])
    assert faults_in(forged(unsigned), key=None) == []
    assert [fault.kind for fault in faults_in(forged(unsigned))] == ["unsigned"]


def test_another_key_does_not_count(events: list[Event]) -> None:
    other = HeadSigner(Ed25519PrivateKey.generate()).public_key
    assert {fault.kind for fault in faults_in(exported(events), other)} == {"unsigned"}


def rows_of(events: list[Event]) -> list[Row]:
    return list(Export(exported(events).splitlines(keepends=True)).rows())


def test_events_agree_with_their_export_and_may_be_more(events: list[Event]) -> None:
    assert list(compare(events, rows_of(events))) == []
    assert list(compare(events, rows_of(events[:4]))) == []
    assert list(compare(events[:4], rows_of(events))) == [
        Fault("missing", at, f"event {at} is missing") for at in (4, 5, 6)
    ]


LONG = [Event(at, b"k", random.Random(at).randbytes(20)) for at in range(150)]
LONG_ROWS = [Row(event.offset, leaf_of(event), None) for event in LONG]


def renumbered(events: list[Event]) -> list[Event]:
    return [event._replace(offset=at) for at, event in enumerate(events)]


@given(st.integers(0, 149), st.booleans())
def test_a_missing_event_is_placed(at: int, is_renumbered: bool) -> None:
    left = LONG[:at] + LONG[at + 1 :]
    found = list(compare(renumbered(left) if is_renumbered else left, LONG_ROWS))
    assert [(fault.kind, fault.offset) for fault in found] == [("missing", at)]


@given(st.integers(0, 149))
def test_a_changed_event_is_placed(at: int) -> None:
    changed = [*LONG[:at], LONG[at]._replace(value=b"other"), *LONG[at + 1 :]]
    assert [(fault.kind, fault.offset) for fault in compare(changed, LONG_ROWS)] == [("changed", at)]


@given(st.integers(0, 149))
def test_an_added_event_is_placed(at: int) -> None:
    more = renumbered([*LONG[:at], Event(0, b"k", b"new"), *LONG[at:]])
    assert [(fault.kind, fault.offset) for fault in compare(more, LONG_ROWS)] == [("added", at)]


@given(st.integers(0, 149), st.integers(0, 149))
def test_reordered_events_are_placed(one: int, other: int) -> None:
    swapped = list(LONG)
    swapped[one], swapped[other] = LONG[other], LONG[one]
    found = {(fault.kind, fault.offset) for fault in compare(renumbered(swapped), LONG_ROWS)}
    assert ("reordered", one) in found or ("reordered", other) in found or one == other
    assert {offset for _, offset in found} <= {one, other}


def test_a_topic_is_compared_with_an_export_kept_elsewhere(events: list[Event], tmp_path: Path) -> None:
    kept = tmp_path / "export"
    kept.write_bytes(exported(events))
    assert verify_events(events, TOPIC, SIGNER.public_key, kept).faults == []
    assert verify_events(events, TOPIC, SIGNER.public_key, kept).signed_heads == 1
    value = events[1].value.replace(b"words", b"swore")
    forged_events = [events[0], events[1]._replace(value=value), *events[2:]]
    alone = verify_events(forged_events, TOPIC, SIGNER.public_key).faults
    assert [(fault.kind, fault.offset) for fault in alone] == [("changed", 0)]  # somewhere from 0 to 5
    placed = verify_events(forged_events, TOPIC, SIGNER.public_key, kept).faults
    assert ("changed", 1) in {(fault.kind, fault.offset) for fault in placed}


def test_an_outsider_runs_the_one_file(events: list[Event], tmp_path: Path) -> None:
    shutil.copy(proof.__file__, tmp_path / "proof.py")
    export, key = tmp_path / "export", tmp_path / "key.pub"
    export.write_bytes(exported(events))
    key.write_bytes(base64.b64encode(SIGNER.public_key))
    assert verify_export(export, SIGNER.public_key).faults == []

    def run(*arguments: str) -> tuple[int, str, str]:
        ran = subprocess.run(
            [sys.executable, "-I", *arguments], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        return ran.returncode, ran.stdout, ran.stderr

    assert run("-S", "proof.py", "export")[0] == 0  # -S: not even installed packages are there
    code, shown, said = run("proof.py", "export", "--key", "key.pub", "--print")
    assert (code, "7 events, signed by the key" in said) == (0, True)
    assert [json.loads(line)["offset"] for line in shown.splitlines()] == list(range(7))
    export.write_bytes(export.read_bytes().replace(b'"offset":4', b'"offset":9'))
    code, _, said = run("proof.py", "export")
    assert code == 3
    assert "changed" in said
