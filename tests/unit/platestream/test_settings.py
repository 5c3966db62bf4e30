"""Settings: order of sources, and every refusal with a sentence and without the value."""

from pathlib import Path

import pytest

from platestream.cli.settings import markdown_page
from platestream.errors import ConfigError
from platestream.settings import GatewaySettings, ListLimits, MatchingSettings, Settings, environment, load_settings

REFUSED = sorted((Path(__file__).parent / "refused-settings").iterdir())


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PLATESTREAM_CONFIG", "PLATESTREAM_HOME"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("file", REFUSED, ids=lambda file: file.stem)
def test_wrong_files_are_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATESTREAM_CONFIG", str(file))
    with pytest.raises(ConfigError):
        load_settings()


def test_variables_win_over_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.toml").write_text('[gateway]\nport = 1111\nissuer = "file"\n')
    monkeypatch.setenv("PLATESTREAM_CONFIG", str(tmp_path / "c.toml"))
    monkeypatch.setenv("PLATESTREAM_GATEWAY__PORT", "2222")
    gateway = load_settings().gateway
    assert (gateway.port, gateway.issuer) == (2222, "file")


@pytest.mark.parametrize("name", ["PLATESTREAM_HOEM", "PLATESTREAM_KAFAK__PORT", "PLATESTREAM_KAFKA__SERVERS"])
def test_a_mistyped_variable_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(name, "secret-value")
    with pytest.raises(ConfigError) as refusal:
        load_settings()
    assert "secret-value" not in str(refusal.value)


def test_a_missing_file_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLATESTREAM_CONFIG", "not-there.toml")
    with pytest.raises(ConfigError, match="not-there.toml"):
        load_settings()


def test_a_child_process_gets_the_same_tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits = ListLimits(stale_after_hours=1.5, dropped_after_hours=3)
    settings = Settings(
        home=tmp_path,
        gateway=GatewaySettings(port=4444, issuer="elsewhere"),
        matching=MatchingSettings(lists={"state file": limits}, partial_categories=("HOMICIDE", "ARSON")),
    )
    for name, value in environment(settings).items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_the_page_is_what_the_command_prints() -> None:
    page = Path(__file__).parents[3] / "docs" / "settings.md"
    assert page.read_text() == markdown_page()
