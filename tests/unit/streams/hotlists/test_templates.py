"""Templates of lists: what must be said, and what is refused."""

from pathlib import Path

import pytest

from platestream.errors import ConfigError
from platestream.settings import MatchingSettings
from schemas.messages import LawfulSource, MatchKind
from streams.hotlists.templates import check_partial_categories, read_template

GOOD = 'source = "state-file"\nlawful_source = "STATE_FILE"\ncategory = "stolen vehicle"\n'
CASE = GOOD.replace("STATE_FILE", "ACTIVE_INVESTIGATION")


def write(folder: Path, text: str) -> Path:
    file = folder / "list.toml"
    file.write_text(text)
    return file


def test_a_short_template_is_enough(tmp_path: Path) -> None:
    template = read_template(write(tmp_path, GOOD))
    assert (template.source, template.lawful_source) == ("state-file", LawfulSource.STATE_FILE)
    assert (template.match_kind, template.priority, template.valid_days) == (MatchKind.FOLDED, 3, None)


def test_an_investigations_list_names_its_case(tmp_path: Path) -> None:
    assert read_template(write(tmp_path, CASE + 'case_number = "26-000123"')).case_number == "26-000123"


@pytest.mark.parametrize(
    ("text", "part"),
    [
        pytest.param(GOOD.replace("STATE_FILE", "UNSTATED"), "lawful_source", marks=pytest.mark.rule("match.lawful")),
        pytest.param(CASE, "needs its case_number", marks=pytest.mark.rule("match.lawful")),
        pytest.param(CASE + 'case_number = " "', "needs its case_number", marks=pytest.mark.rule("match.lawful")),
        (GOOD.replace('source = "state-file"\n', ""), "source: Field required"),
        (GOOD + "priority = 0", "priority"),
        (GOOD + "valid_days = 0", "valid_days"),
        (GOOD + 'match_kind = "PARTIAL"', "match_kind"),
        (GOOD + 'match_kind = "FUZZY"\npriority = 1', "never has the top priority"),
        (GOOD + 'partial_categories = ["HOMICIDE"]\npriority = 1', "never has the top priority"),
        (GOOD + "stale_after_hours = 0", "stale_after_hours"),
        (GOOD + 'delimiter = "|"', "delimiter"),
        (GOOD + 'zone = "Saint Paul"', "zone"),
        (GOOD + "surprise = 1", "surprise"),
        ("source = ", "no TOML"),
    ],
)
def test_a_wrong_template_is_refused_by_name(tmp_path: Path, text: str, part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        read_template(write(tmp_path, text))


def test_partial_plates_are_for_the_categories_of_the_settings(tmp_path: Path) -> None:
    template = read_template(write(tmp_path, GOOD + 'partial_categories = ["HOMICIDE", "PARKING"]'))
    check_partial_categories(template, MatchingSettings(partial_categories=("HOMICIDE", "PARKING")))
    with pytest.raises(ConfigError, match="partial plates of PARKING"):
        check_partial_categories(template, MatchingSettings())


def test_a_missing_template_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read: No such file"):
        read_template(tmp_path / "none.toml")
