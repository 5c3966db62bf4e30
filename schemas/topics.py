"""Facts of every topic, read from schemas/topics: partitions, configuration, who writes and who reads it."""

import tomllib
from datetime import timedelta
from functools import cache
from importlib.resources import files
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field


class Topic(BaseModel):
    """One topic. `partitions` is "reads" where the count is that of the settings' `kafka.read_partitions`.

    One that `is_truncated` loses its records soon after all its consumers have committed them; how long its segments
    are is `kafka.segment_seconds`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Annotated[str, Field(pattern=r"^[a-z]+(-[a-z]+)*$")]
    record: str
    key: str
    partitions: Annotated[int, Field(ge=1)] | Literal["reads"]
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    holds_plates: bool
    is_truncated: bool = False
    config: dict[str, str]

    @property
    def kept_for(self) -> timedelta:
        """How long the broker keeps a record of a topic that is cleaned up by time."""
        return timedelta(milliseconds=int(self.config["retention.ms"]))

    def partition_count(self, read_partitions: int) -> int:
        return read_partitions if self.partitions == "reads" else self.partitions

    def config_with(self, segment_seconds: int) -> dict[str, str]:
        """The whole configuration, as Kafka names it."""
        return {**self.config, "segment.ms": str(segment_seconds * 1000)} if self.is_truncated else self.config


@cache
def topics() -> dict[str, Topic]:
    """All topics by name."""
    found = (
        Topic.model_validate(tomllib.loads(file.read_text()))
        for file in (files("schemas") / "topics").iterdir()
        if file.name.endswith(".toml")
    )
    return {topic.name: topic for topic in found}
