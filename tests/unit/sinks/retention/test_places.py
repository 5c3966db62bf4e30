"""No topic can hold a plate without it being said what destroys it."""

from schemas.topics import topics
from sinks.retention.places import TOPICS


def test_every_topic_with_plates_is_named_with_what_destroys_it() -> None:
    assert TOPICS.keys() == {topic.name for topic in topics().values() if topic.holds_plates}


def test_those_said_to_be_truncated_are_and_the_others_have_an_end() -> None:
    for name, how in TOPICS.items():
        topic = topics()[name]
        assert topic.is_truncated == how.startswith("truncated")
        assert "compact" in topic.config["cleanup.policy"] or int(topic.config["retention.ms"]) <= 7 * 86_400_000
