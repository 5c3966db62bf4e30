"""Figures replace those of the last run on the page, and nothing else there."""

import pytest

from bench.errors import BenchError
from bench.report import Figures, spread, with_figures

FIGURES = Figures(title="two cores", head=("", "reads/s"), rows=[("ours", "1,000"), ("theirs", "10")])
PAGE = "# Speed\n\n<!-- join -->\n\nold\n\n<!-- /join -->\n\nWhy.\n"


def test_figures_take_the_place_of_the_old_ones() -> None:
    page = with_figures(PAGE, "join", FIGURES)
    assert page == (
        "# Speed\n\n<!-- join -->\n\ntwo cores.\n\n|  | reads/s |\n| - | -: |\n| ours | 1,000 |\n| theirs | 10 |\n\n"
        "<!-- /join -->\n\nWhy.\n"
    )
    assert with_figures(page, "join", FIGURES) == page


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(BenchError, match="no place for figures of latency"):
        with_figures(PAGE, "latency", FIGURES)


def test_one_run_is_itself() -> None:
    assert spread([4.25]) == "4.2"


def test_a_spread_is_said_as_its_figures_are() -> None:
    assert spread([1_000_000.4, 999_999.6, 1_200_000.0], ",.0f") == "1,000,000 (1,000,000-1,200,000)"
