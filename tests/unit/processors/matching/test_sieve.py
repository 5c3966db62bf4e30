"""The sieve stops no read of a listed plate and folds as schemas.plates does; plain entries have a right key."""

from hypothesis import given
from hypothesis import strategies as st

from bench.plates import plate as plate_of_number
from platestream.errors import InvalidMessage
from processors.matching.plain import others_than_plain
from processors.matching.sieve import Sieve, folded_lines
from schemas.codec import Codec
from schemas.framing import frame, peek_plate
from schemas.plates import fold_bytes, hotlist_key
from tests.chunks import records_of, records_with
from tests.matching import an_entry

ID, OTHER_ID = 7, 8
PLATES = st.text("AB0O1Il -.", max_size=6).map(str.encode) | st.binary(max_size=25)


def framed(plate: bytes, wire_id: int = ID) -> bytes:
    return frame(wire_id, bytes([2 * len(plate)]) + plate)


def folded(value: bytes | None) -> bytes:
    """Nothing for what is no read with a plate."""
    try:
        return fold_bytes(peek_plate(value)) if value and value[:5] == frame(ID, b"") else b""
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


@given(values=VALUES, held=st.sets(PLATES.map(fold_bytes)), later=st.sets(PLATES.map(fold_bytes)))
def test_what_is_listed_or_is_no_read_passes(values: list[bytes | None], held: set[bytes], later: set[bytes]) -> None:
    records, sieve = records_with(values), Sieve(held, [ID])
    held |= later
    sieve.add(later)
    passed = dict(sieve.passed(records))
    for number, value in enumerate(values):
        plate = folded(value)
        assert number in passed or plate and plate not in held
        assert passed.get(number, plate) == plate
    text, ends = folded_lines(records, [ID])
    lines = [text[start : end - 1] for start, end in zip([0, *ends], ends, strict=False)]
    assert lines == [folded(value).replace(b"\n", b" ") for value in values]


def test_a_sieve_grows_with_what_it_holds_and_few_others_pass() -> None:
    held = {plate_of_number(number) for number in range(60_000)}
    sieve = Sieve(set(), [ID])
    sieve._held = held
    for number in range(0, 60_000, 1000):
        sieve.add(plate_of_number(number + one) for one in range(1000))
    assert len([*sieve.passed(records_with(map(framed, held)))]) == len(held)
    others = records_with(framed(plate_of_number(number)) for number in range(100_000, 150_000))
    assert len([*sieve.passed(others)]) < 500


def test_what_has_left_passes_until_the_sieve_is_made_anew() -> None:
    held = {b"%06d" % number for number in range(5000)}
    sieve = Sieve(held, [ID])
    left = records_with(map(framed, held))
    held.clear()
    for turn in range(20):
        held |= {b"%02d%04d" % (turn + 1, number) for number in range(2000)}
        sieve.add(held)
        held.clear()
    assert len([*sieve.passed(left)]) < 100


@given(
    plate=st.text("ABOI01 -", min_size=1, max_size=6).filter(lambda text: text.strip(" -") != ""),
    entry_id=st.text(min_size=1, max_size=70),
    change=st.tuples(st.sampled_from(["key", "value", "none"]), st.integers(0, 500), st.integers(0, 255)),
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
    others = others_than_plain(records_of([(bytes(key), bytes(value))]), codec.wire_ids("HotlistEntry"))
    if what == "none":
        assert others == ([] if len(entry_id.encode()) < 64 else [0])
    elif not others:
        try:
            entry = codec.decode(bytes(value))
        except InvalidMessage:
            return  # bad behind its id: found on the first hit
        assert hotlist_key(entry.plate, entry.entry_id) == bytes(key)
