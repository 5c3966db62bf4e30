"""What the thread of a worker's consumer says of its group."""

from types import SimpleNamespace

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError, NotCoordinatorForGroupError

from streams.workers.thread import Thread


def with_coordinator(fault: KafkaError | None) -> Thread:
    def check_errors() -> None:
        if fault:
            raise fault

    thread = Thread.__new__(Thread)
    thread._consumer = SimpleNamespace(_coordinator=SimpleNamespace(check_errors=check_errors))
    return thread


async def test_a_membership_that_ended_is_told_and_one_that_heals_is_not() -> None:
    await with_coordinator(None)._check_membership()
    await with_coordinator(NotCoordinatorForGroupError())._check_membership()
    with pytest.raises(GroupAuthorizationFailedError):
        await with_coordinator(GroupAuthorizationFailedError())._check_membership()
