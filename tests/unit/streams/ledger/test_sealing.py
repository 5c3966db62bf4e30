import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nacl.public import PrivateKey

from platestream.errors import ConfigError, InvalidMessage
from platestream.settings import Settings
from schemas.plates import fold
from streams.ledger.sealing import Seals, load_seals, new_log_reader, new_plate_hash_key, open_seal
from tests.asking import make_keys

PLATES = st.from_regex(r"\A[A-Z0-9]{1,8}\Z")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(home=tmp_path)


def test_each_log_reader_opens_the_seal_and_nobody_else(settings: Settings, tmp_path: Path) -> None:
    auditor = make_keys(settings)
    public_keys_file = settings.path(settings.gateway.log_reader_keys_file)
    commander, stranger = tmp_path / "commander.key", tmp_path / "stranger.key"
    new_log_reader("commander", public_keys_file=public_keys_file, private_key_file=commander)
    new_log_reader("stranger", public_keys_file=tmp_path / "elsewhere.txt", private_key_file=stranger)
    sealed = load_seals(settings).seal(b"KLM015")
    assert len(sealed) == 2
    assert open_seal(sealed, auditor) == open_seal(sealed, commander) == b"KLM015"
    with pytest.raises(InvalidMessage, match="sealed to this key"):
        open_seal(sealed, stranger)


def test_a_changed_seal_does_not_open(settings: Settings) -> None:
    auditor = make_keys(settings)
    [box] = load_seals(settings).seal(b"KLM015")
    with pytest.raises(InvalidMessage):
        open_seal([box[:-1] + bytes([box[-1] ^ 1])], auditor)


def test_keys_are_private_files_and_are_never_replaced(settings: Settings) -> None:
    auditor = make_keys(settings)
    hash_key = settings.path(settings.gateway.plate_hash_key_file)
    before = (auditor.read_bytes(), hash_key.read_bytes())
    assert {stat.S_IMODE(file.stat().st_mode) for file in (auditor, hash_key)} == {0o600}
    assert not new_plate_hash_key(hash_key)
    public_keys_file = settings.path(settings.gateway.log_reader_keys_file)
    assert not new_log_reader("again", public_keys_file=public_keys_file, private_key_file=auditor)
    assert (auditor.read_bytes(), hash_key.read_bytes()) == before
    assert len(public_keys_file.read_text().splitlines()) == 1


@given(PLATES, PLATES)
def test_hashes_agree_exactly_when_folded_plates_do(one: str, other: str) -> None:
    seals = Seals([], bytes(range(32)))
    assert (seals.hash_plate(one) == seals.hash_plate(other)) == (fold(one) == fold(other))


def test_the_hash_depends_on_the_key() -> None:
    assert Seals([], bytes(32)).hash_plate("KLM015") != Seals([], b"x" * 32).hash_plate("KLM015")


@given(st.binary(min_size=1, max_size=63), st.binary(min_size=1, max_size=63))
def test_lengths_do_not_tell_short_contents_apart(one: bytes, other: bytes) -> None:
    seals = Seals([PrivateKey.generate().public_key], bytes(32))
    assert len(seals.seal(one)[0]) == len(seals.seal(other)[0])


def test_missing_or_broken_keys_are_said(settings: Settings) -> None:
    with pytest.raises(ConfigError, match=r"plate-hash\.key cannot be read"):
        load_seals(settings)
    make_keys(settings)
    readers = settings.path(settings.gateway.log_reader_keys_file)
    readers.write_text("auditor not-a-key\n")
    with pytest.raises(ConfigError, match="no key"):
        load_seals(settings)
    readers.write_text("\n")
    with pytest.raises(ConfigError, match="nobody"):
        load_seals(settings)
    with pytest.raises(ConfigError, match="one word"):
        new_log_reader("two words", public_keys_file=readers, private_key_file=readers.with_name("new.key"))


def test_an_answer_that_would_not_fit_into_an_event_is_said_at_start(settings: Settings, tmp_path: Path) -> None:
    make_keys(settings)
    public_keys_file = settings.path(settings.gateway.log_reader_keys_file)
    for name in ("a", "b", "c", "d", "e"):
        new_log_reader(name, public_keys_file=public_keys_file, private_key_file=tmp_path / f"{name}.key")
    load_seals(settings)
    wide = settings.model_copy(update={"gateway": settings.gateway.model_copy(update={"max_rows": 10_000})})
    with pytest.raises(ConfigError, match="6 log readers"):
        load_seals(wide)
