"""What the bodies of all ledger events have in common."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict


class Shape(BaseModel):
    """A part of a body. An unknown field may be a limit that this version does not know: refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Body(Shape):
    """The body of one kind of event. It is JSON and holds no plate."""

    kind: ClassVar[str]
