"""The clock a role runs by: the machine's, or one set ahead to prove destruction on one machine."""

import logging
from datetime import timedelta

from platestream.clock import Clock, ShiftedClock, SystemClock
from platestream.errors import ConfigError
from platestream.settings import Settings

_HERE = ("127.0.0.1:", "localhost:")

_log = logging.getLogger(__name__)


def clock_of(settings: Settings) -> Clock:
    """The machine's clock, `clock_ahead_days` ahead. What is stored is then destroyed that much too early.

    Raises ConfigError when it is set ahead and anything of the installation is not of this machine.
    """
    if not settings.clock_ahead_days:
        return SystemClock()
    brokers = settings.kafka.bootstrap_servers.split(",")
    is_here = all(broker.strip().startswith(_HERE) for broker in brokers) and not settings.storage.pictures_url
    if not is_here or not (settings.storage.clickhouse_dsn or "chdb:").startswith("chdb:"):
        raise ConfigError(
            "clock_ahead_days is for proofs on one machine, with broker, ClickHouse and pictures in its home; unset it."
        )
    _log.warning("THE CLOCK IS SET %d DAYS AHEAD: what is due by then is destroyed now", settings.clock_ahead_days)
    return ShiftedClock(timedelta(days=settings.clock_ahead_days))
