"""Every record and topic has examples that are accepted and examples that are refused, named for the reason."""

import tomllib
from pathlib import Path

import pytest
from pydantic import TypeAdapter, ValidationError

import schemas
from schemas.codec import Codec
from schemas.messages import RECORDS
from schemas.topics import Topic, topics
from schemas.versions import newest, versions

FOLDER = Path(schemas.__file__).parent
RECORD_OF_FOLDER = {
    folder: next(name for name in RECORDS if newest(name).text == newest_file(folder).read_text())
    for newest_file in [lambda folder: max(folder.glob("*.avsc"), key=lambda file: int(file.stem))]
    for folder in sorted((FOLDER / "records").iterdir())
}
ACCEPTED = [
    (record, file) for folder, record in RECORD_OF_FOLDER.items() for file in folder.glob("examples/accepted.*")
]
REFUSED = [(record, file) for folder, record in RECORD_OF_FOLDER.items() for file in folder.glob("examples/refused.*")]


@pytest.mark.parametrize(("record", "file"), ACCEPTED, ids=lambda part: getattr(part, "name", part))
def test_accepted_example_survives_the_codec(codec: Codec, record: str, file: Path) -> None:
    message = TypeAdapter(RECORDS[record]).validate_json(file.read_bytes())
    assert codec.decode(codec.encode(message)) == message


@pytest.mark.parametrize(("record", "file"), REFUSED, ids=lambda part: getattr(part, "name", part))
def test_refused_example_is_refused(record: str, file: Path) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(RECORDS[record]).validate_json(file.read_bytes())


def test_every_record_has_both_kinds() -> None:
    assert {record for record, _ in ACCEPTED} == {record for record, _ in REFUSED} == set(RECORDS) == set(versions())


def test_every_topic_has_a_record_and_every_record_a_topic() -> None:
    assert sorted(topic.record for topic in topics().values()) == sorted(RECORDS)


@pytest.mark.parametrize("file", sorted((FOLDER / "topics" / "refused").iterdir()), ids=lambda file: file.stem)
def test_refused_topic_is_refused(file: Path) -> None:
    with pytest.raises(ValidationError):
        Topic.model_validate(tomllib.loads(file.read_text()))


def test_topic_files_are_named_for_their_topic() -> None:
    assert {file.stem for file in (FOLDER / "topics").glob("*.toml")} == set(topics())
