"""Compiled code finds and folds plates as schemas does, in any bytes; plain entries have a right key."""

from hypothesis import given
from hypothesis import strategies as st

from platestream.errors import InvalidMessage
from processors.matching.plain import others_than_plain
from processors.matching.table import PlateTable
from schemas.codec import Codec
from schemas.framing import frame, peek_plate
from schemas.plates import MAX_PLATE_LENGTH, fold_bytes, hotlist_key
from streams.chunks.plates import folded_lines, ids_of
from streams.chunks.records import VALUE, VALUE_END
from tests.chunks import records_of, records_with
from tests.matching import an_entry

ID, OTHER_ID = 7, 8
PLATES = st.text("AB0O1Il -.", max_size=6).map(str.encode) | st.binary(max_size=25)


def framed(plate: bytes, wire_id: int = ID) -> bytes:
    return frame(wire_id, bytes([2 * len(plate)]) + plate)


def named(plate: bytes) -> bytes:
    return framed(plate) + b"\0\x04e1"


def folded(value: bytes | None, wire_id: int = ID) -> bytes:
    """Nothing for what is no read with a plate."""
    try:
        return fold_bytes(peek_plate(value)) if value and value[:5] == frame(wire_id, b"") else b""
    except InvalidMessage:
        return b""


VALUES = st.lists(
    st.none()
    | st.binary(max_size=30)
    | st.builds(framed, PLATES)
    | st.builds(framed, PLATES, st.just(OTHER_ID))
    | st.builds(lambda plate, cut: framed(plate)[:cut], PLATES, st.integers(0, 30)),
    max_size=20,
)


@given(values=VALUES, held=st.sets(PLATES.map(fold_bytes)))
def test_what_is_listed_or_is_no_read_is_named_and_nothing_else(values: list[bytes | None], held: set[bytes]) -> None:
    records, table = records_with(values), PlateTable([ID])
    for plate in held:
        if len(plate) <= MAX_PLATE_LENGTH:
            table.put(plate, b"e1")
    plates = [folded(value) for value in values]
    assert table.listed(records, ids_of([ID])) == [n for n, plate in enumerate(plates) if not plate or plate in held]
    text, ends = folded_lines(records, [ID])
    lines = [text[start : end - 1] for start, end in zip([0, *ends], ends, strict=False)]
    assert lines == [plate.replace(b"\n", b" ") for plate in plates]


@given(values=VALUES)
def test_values_of_any_bytes_leave_the_table_whole(values: list[bytes | None]) -> None:
    table = PlateTable([ID, OTHER_ID])
    table.put(b"ABC", b"e1")
    table.put_all(records_with(values))
    own = {folded(value, ID) or folded(value, OTHER_ID) for value in values} - {b""}
    for plate in own:
        assert {value for _, value in table.values(plate)} <= {*values, named(plate)}
        for entry_id, _ in table.values(plate):
            table.remove(plate, entry_id)
    assert len(table) == (b"ABC" not in own)


@given(
    plate=st.text("ABOI01 -", min_size=1, max_size=6).filter(lambda text: text.strip(" -") != ""),
    entry_id=st.text(min_size=1, max_size=70),
    change=st.tuples(st.sampled_from(["key", "value", "cut", "none"]), st.integers(0, 500), st.integers(0, 255)),
)
def test_plain_is_only_what_has_the_key_of_its_plate_and_id(
    codec: Codec, plate: str, entry_id: str, change: tuple[str, int, int]
) -> None:
    cleaned = plate.replace(" ", "").replace("-", "")
    key, value = (
        bytearray(hotlist_key(cleaned, entry_id)),
        bytearray(codec.encode(an_entry(cleaned, entry_id=entry_id))),
    )
    what, place, byte = change
    changed = {"key": key, "value": value}.get(what)
    if changed is not None:
        changed[place % len(changed)] = byte
    if what == "cut":
        del value[place % len(value) :]
    others = others_than_plain(records_of([(bytes(key), bytes(value))]), codec.wire_ids("HotlistEntry"))
    if what == "none":
        assert others == ([] if len(entry_id.encode()) < 64 else [0])
    elif not others:
        try:
            entry = codec.decode(bytes(value))
        except InvalidMessage:
            return  # bad behind its id: found on the first hit
        assert hotlist_key(entry.plate, entry.entry_id) == bytes(key)


def test_an_entry_cut_within_its_id_is_not_plain_whatever_stands_behind_it(codec: Codec) -> None:
    entry_id = "e" * 40
    value = codec.encode(an_entry("ABC123", entry_id=entry_id))
    records, wire_ids = records_of([(hotlist_key("ABC123", entry_id), value)]), codec.wire_ids("HotlistEntry")
    start, end_of_id = records.places[0, VALUE], value.index(entry_id.encode()) + len(entry_id)
    for length in range(len(value) + 1):
        records.places[0, VALUE_END] = start + length
        assert others_than_plain(records, wire_ids) == ([0] if length < end_of_id else []), length
