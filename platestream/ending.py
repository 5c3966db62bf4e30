"""Ends a process at once where going on, or stopping in good order, would break a promise about the data.

A framework that acknowledges a message when its handler fails (Faust does) must not get the chance to.
"""

import logging
import os
import traceback
from typing import NoReturn

from platestream.errors import IntegrityError, PlatestreamError

UNEXPECTED, INTEGRITY = 1, 3
_FRAMES = 3

logger = logging.getLogger(__name__)


def end_process(error: BaseException) -> NoReturn:
    """Log one line and exit without any clean-up: code 3 for an IntegrityError, 1 for all else."""
    logger.critical("The process ends: %s", describe(error))
    logging.shutdown()
    os._exit(INTEGRITY if isinstance(error, IntegrityError) else UNEXPECTED)


def describe(error: BaseException) -> str:
    """Our own errors by their sentence; others only by kind and place, as their text may hold what was processed."""
    if isinstance(error, PlatestreamError):
        return str(error)
    frames = traceback.extract_tb(error.__traceback__)[-_FRAMES:]
    place = ", called by ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in reversed(frames))
    return f"{type(error).__name__} in {place or 'an unknown place'}"
