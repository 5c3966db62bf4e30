"""Work for someone who may leave before it is done: then it is ended, so that nobody's share is spent on nobody."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from fastapi import Request
from starlette.concurrency import run_in_threadpool

T = TypeVar("T")

_LOOK_SECONDS = 0.25


async def while_there(request: Request, work: Callable[[], T], end: Callable[[], None]) -> T:
    """The outcome of `work`, done in a thread. `end` is called, again and again, once the client has left.

    `end` must return at once. What the work raises is raised.
    """
    working = asyncio.ensure_future(run_in_threadpool(work))
    while not working.done():
        await asyncio.wait([working], timeout=_LOOK_SECONDS)
        if not working.done() and await request.is_disconnected():
            end()
    return await working
