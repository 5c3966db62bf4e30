"""Documentation that cannot rot: what README and docs name exists, and every setting is listed."""

import re
import subprocess
from pathlib import Path

from pydantic import BaseModel

from platestream.settings import Settings

ROOT = Path(__file__).parents[3]
STEPS = ("heard", "spooled", "published", "matched", "dispatched", "kept", "held", "asked", "destroyed")


def test_readme_follows_one_plate_read_with_one_file_a_step() -> None:
    rows = re.findall(r"^\| (\d) (\w+) \|.*\| (.+?) \|$", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert tuple(step for _, step, _ in rows) == STEPS
    for _, step, place in rows:
        files = re.findall(r"\]\(([\w/.]+)\)", place)
        assert files or "not yet" in place, f"step {step} names no file"
        assert all((ROOT / file).is_file() for file in files), f"step {step} names a file that is not there"


def test_links_lead_somewhere() -> None:
    for page in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        for link in re.findall(r"\]\(((?!https?:|#)[^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def test_make_targets_in_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text()):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), f"README names make {target}"


def test_settings_page_lists_every_option() -> None:
    page = (ROOT / "docs" / "settings.md").read_text()
    listed = set(re.findall(r"^\| `([\w.]+)` \|", page, re.MULTILINE))
    assert listed == set(option_names(Settings))


def option_names(section: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names += option_names(kind, f"{prefix}{name}.")
        else:
            names.append(prefix + name)
    return names


def test_decisions_are_numbered_without_gaps() -> None:
    numbers = sorted(int(file.name[:4]) for file in (ROOT / "docs" / "decisions").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_no_machine_paths_and_no_registry_hosts() -> None:
    # parts are joined here so that this file does not hold what it looks for
    forbidden = re.compile(
        "|".join(["/" + "work/", "/" + "root/", "files" + r"\.pythonhosted", "repo1" + r"\.maven", "pypi" + r"\.org"])
    )
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    found = [
        name
        for name in tracked
        if (ROOT / name).is_file() and forbidden.search((ROOT / name).read_text(errors="ignore"))
    ]
    assert not found
