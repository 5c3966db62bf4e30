"""Writes an export of the ledger: one file that an outsider verifies with `streams/ledger/proof.py` alone."""

import base64
import json
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, BinaryIO, Literal

from platestream.errors import IntegrityError
from streams.ledger.classification import Withheld
from streams.ledger.proof import FORMAT, START, Event, check_of, leaf_of, next_head
from streams.ledger.signing import HeadSigner

Audience = Literal["public", "auditor"]


def write_export(
    events: Iterable[Event],
    out: BinaryIO,
    *,
    topic: str,
    at: datetime,
    signer: HeadSigner,
    withhold: Callable[[Event], Withheld | None] | None = None,
) -> int:
    """Write all events, those that `withhold` classifies by their leaves; gives the count.

    Without `withhold` the export is the auditor's and whole. Raises IntegrityError when an event is missing.
    """
    audience: Audience = "auditor" if withhold is None else "public"
    text, head, count = _Text(out), START, 0
    text.line({"format": FORMAT, "topic": topic, "audience": audience, "at": at.isoformat()})
    for event in events:
        if event.offset != count:
            raise IntegrityError(f"Event {count} of the ledger is missing; verify the topic before it is exported.")
        leaf = leaf_of(event)
        head, count = next_head(head, leaf), count + 1
        text.line({"offset": event.offset, "leaf": leaf.hex(), **_content(event, withhold and withhold(event))})
    end = {"offset": count - 1, "head": head.hex(), "at": at.isoformat(), "lines": text.check}
    signature = signer.sign(topic, count - 1, head, at, text.check)
    text.line({"end": end, "signature": signature, "public_key": base64.b64encode(signer.public_key).decode()})
    return count


def _content(event: Event, withheld: Withheld | None) -> dict[str, Any]:
    if withheld is not None:
        return {"withheld": withheld._asdict()}
    key = None if event.key is None else base64.b64encode(event.key).decode()
    return {"key": key, "value": base64.b64encode(event.value).decode()}


class _Text:
    def __init__(self, out: BinaryIO) -> None:
        self._out, self.check = out, ""

    def line(self, content: dict[str, Any]) -> None:
        text = json.dumps(content, separators=(",", ":"))
        self.check = check_of(self.check, text)
        self._out.write(f"{self.check}\t{text}\n".encode())
