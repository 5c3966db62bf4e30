"""Logging of every process: one line an event, to standard error, with time, level, stage and message.

Messages are written to hold no plate, person or payload; libraries that would log them are kept at WARNING.
"""

import logging
import sys
import time

_CHATTY = (
    "httpx",
    "httpx2",
    "httpcore",
    "httpcore2",
    "faust",
    "mode",
    "aiokafka",
    "uvicorn.access",
    "clickhouse_connect",
    "PIL",
    "jgo",
)


_REPEATED_SECONDS = 30


class _Seldom(logging.Filter):
    """Lets a line of Kafka's client through once in 30 s; while a broker is away it says it 80 times a second."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        line = (record.name, str(record.msg))
        if not record.name.startswith("aiokafka") or record.created - self._last.get(line, 0) >= _REPEATED_SECONDS:
            self._last[line] = record.created
            return True
        return False


def set_up_logs(stage: str, level: str) -> None:
    """Send records of `level` and above to standard error as lines that start with the UTC time."""
    formatter = logging.Formatter(f"%(asctime)s %(levelname)s {stage} %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%SZ")
    formatter.converter = time.gmtime
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    handler.addFilter(_Seldom())
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
