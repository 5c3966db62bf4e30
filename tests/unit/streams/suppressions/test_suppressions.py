"""The list of suppressed plates: what is secret about it, and what a holder makes of its messages."""

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from platestream.clock import SetClock
from platestream.errors import ConfigError, IntegrityError
from platestream.settings import Settings
from schemas.codec import Codec
from schemas.messages import Suppression
from streams.suppressions.holder import SuppressedPlates
from streams.suppressions.secrecy import SuppressedPlate, SuppressionKey, load_suppression_key, new_suppression_key
from tests.matching import NOW, a_read

KEY, OTHER_KEY = SuppressionKey(bytes(32)), SuppressionKey(bytes(31) + b"\x01")
HOUR = timedelta(hours=1)
PLATES = st.text("ABCDEFGHJKLMN0123456789", min_size=1, max_size=20)


def message(codec: Codec, plate: SuppressedPlate, key: SuppressionKey = KEY) -> tuple[bytes, bytes]:
    return key.hash(plate.folded), codec.encode(Suppression(encrypted=key.encrypt(plate), added_at=NOW))


def suppressed(folded: bytes = b"ABC123", until: timedelta | None = None) -> SuppressedPlate:
    return SuppressedPlate(folded=folded, since_at=NOW, until_at=None if until is None else NOW + until)


@pytest.fixture
def clock() -> SetClock:
    return SetClock(NOW)


@pytest.fixture
def plates(codec: Codec, clock: SetClock) -> SuppressedPlates:
    return SuppressedPlates(codec, KEY, clock)


@pytest.mark.rule("retention.suppressed")
def test_a_plate_is_suppressed_until_its_end_and_the_last_message_counts(
    codec: Codec, plates: SuppressedPlates, clock: SetClock
) -> None:
    for plate in (suppressed(), suppressed(b"XYZ1"), suppressed(until=HOUR)):
        plates.apply(*message(codec, plate))
    assert (b"ABC123" in plates, b"XYZ1" in plates, b"ABC124" in plates) == (True, True, False)
    assert plates.in_force(NOW) == {b"ABC123", b"XYZ1"}
    clock.advance(HOUR)
    assert (b"ABC123" in plates, plates.in_force(clock.now())) == (False, {b"XYZ1"})


def test_what_cannot_be_read_stops_whoever_follows(codec: Codec, plates: SuppressedPlates) -> None:
    key, value = message(codec, suppressed())
    cases = [
        (key, None),
        (key, b"rubbish"),
        (key, codec.encode(a_read())),
        (key, message(codec, suppressed(), OTHER_KEY)[1]),
        (key, value[:60] + bytes([value[60] ^ 1]) + value[61:]),
        (None, value),
        (KEY.hash(b"XYZ1"), value),
        (OTHER_KEY.hash(b"ABC123"), value),
    ]
    for bad in cases:
        with pytest.raises(IntegrityError) as stop:
            plates.apply(*bad)
        assert "ABC123" not in str(stop.value)
    assert not plates.in_force(NOW)


@given(one=PLATES, other=PLATES, until=st.none() | st.integers(0, 10**6))
def test_messages_show_neither_plate_nor_its_length(codec: Codec, one: str, other: str, until: int | None) -> None:
    plates = [suppressed(text.encode(), until and timedelta(seconds=until)) for text in (one, other)]
    values = [message(codec, plate)[1] for plate in plates]
    assert len(values[0]) == len(values[1])
    assert values[0] != message(codec, plates[0])[1]
    assert (KEY.hash(one.encode()) == KEY.hash(other.encode())) == (one == other)
    assert KEY.decrypt(KEY.encrypt(plates[0])) == plates[0]
    assert len(one) < 4 or one.encode() not in values[0]


def test_nothing_prints_a_suppressed_plate() -> None:
    assert "ABC123" not in repr(suppressed())


def test_the_key_is_made_once_and_refused_when_unusable(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    file = settings.path(settings.suppressions.key_file)
    with pytest.raises(ConfigError, match="cannot be read"):
        load_suppression_key(settings)
    assert new_suppression_key(file)
    assert not new_suppression_key(file)
    encrypted = load_suppression_key(settings).encrypt(suppressed())
    assert load_suppression_key(settings).decrypt(encrypted) == suppressed()
    file.write_bytes(b"short")
    with pytest.raises(ConfigError, match="must hold 32 bytes"):
        load_suppression_key(settings)
    file.chmod(0o644)
    with pytest.raises(ConfigError, match="open to others"):
        load_suppression_key(settings)
