import base64
import hashlib
from pathlib import Path

import pytest

from platestream.errors import ConfigError
from streams.devices.registry import Device, Devices, load_devices, new_credential

VENDORS = {"openalpr", "rekor"}
REFUSED = Path(__file__).parent / "refused-registries"


def table(name: str, credential_line: str) -> str:
    return f"""
[[device]]
id = "{name}"
vendor = "rekor"
{credential_line}
latitude = 44.95
longitude = -93.09
zone = "America/Chicago"
"""


def write(folder: Path, text: str) -> Path:
    file = folder / "devices.toml"
    file.write_text(text)
    return file


def test_a_registry_is_read(tmp_path: Path) -> None:
    (_, first), (_, second) = new_credential(), new_credential()
    devices = load_devices(write(tmp_path, table("squad-1", first) + table("squad-2", second)), VENDORS)
    assert [device.id for device in devices] == ["squad-1", "squad-2"]
    assert len(devices) == 2


def test_a_new_credential_is_random_and_only_its_hash_is_written() -> None:
    token, line = new_credential()
    assert token not in line
    assert hashlib.sha256(token.encode()).hexdigest() in line
    assert len(base64.urlsafe_b64decode(token + "=")) == 32
    assert new_credential()[0] != token


@pytest.mark.parametrize("file", sorted(REFUSED.glob("bad.*.toml")), ids=lambda file: file.name)
def test_a_bad_registry_is_refused_with_a_sentence(file: Path) -> None:
    """The first line of each file is a comment with words that the sentence must have."""
    wanted = file.read_text().splitlines()[0].removeprefix("# ")
    with pytest.raises(ConfigError, match=wanted):
        load_devices(file, VENDORS)


def test_refused_registries_are_there() -> None:
    assert len(list(REFUSED.glob("bad.*.toml"))) >= 8


def test_a_registry_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="none.toml cannot be read"):
        load_devices(tmp_path / "none.toml", VENDORS)


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_the_token_proves_the_device(devices: Devices, tokens: dict[str, str]) -> None:
    for vendor, token in tokens.items():
        for header in (f"Bearer {token}", f"bearer {token}", basic(f"{vendor}-1:{token}")):
            found = devices.authenticate(header)
            assert found is not None
            assert found.id == f"{vendor}-1"


def test_anything_else_proves_nothing(devices: Devices, tokens: dict[str, str]) -> None:
    rekor = tokens["rekor"]
    wrong = [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {rekor}x",
        "Bearer \udcff",
        f"Digest {rekor}",
        "Basic",
        "Basic %%%",
        basic("rekor-1"),
        basic("rekor-1:"),
        basic(f"nobody:{rekor}"),
        basic(f"openalpr-1:{rekor}"),
        "Basic " + base64.b64encode(b"\xff\xfe").decode(),
        f"Bearer {next(iter(devices)).credential}",
    ]
    assert [devices.authenticate(header) for header in wrong] == [None] * len(wrong)


def test_the_hash_is_not_in_the_repr(device: Device) -> None:
    assert device.credential not in repr(device)
