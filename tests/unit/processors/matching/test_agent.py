"""The glue: work in hand is finished even when the agent is cancelled, as a stop and a rebalance do."""

import asyncio

import pytest

from processors.matching.agent import to_the_end


async def test_work_is_finished_before_a_cancellation_goes_on() -> None:
    acknowledged, begun, done = asyncio.Event(), asyncio.Event(), []

    async def work() -> None:
        begun.set()
        await acknowledged.wait()
        done.append("work")

    agent = asyncio.create_task(to_the_end(work()))
    await begun.wait()
    agent.cancel()
    await asyncio.sleep(0)
    assert not agent.done()
    acknowledged.set()
    with pytest.raises(asyncio.CancelledError):
        await agent
    assert done == ["work"]


async def test_an_error_of_the_work_is_the_agents_error_also_after_a_cancellation() -> None:
    begun, failed = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        begun.set()
        await failed.wait()
        raise KeyError

    agent = asyncio.create_task(to_the_end(work()))
    await begun.wait()
    agent.cancel()
    await asyncio.sleep(0)
    failed.set()
    with pytest.raises(KeyError):
        await agent
