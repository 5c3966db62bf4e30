"""How often one person, or one address without a token, may ask."""

import time
from collections import OrderedDict
from math import ceil
from threading import Lock
from typing import cast

from pyrate_limiter import GCRA, Rate, RateItem, StateBucket

_MINUTE_MS = 60_000
_MOST_KEYS = 10_000  # what is remembered; the one not heard of longest goes first


class RateLimits:
    """At most `per_minute` requests a minute for each key. Safe across threads."""

    def __init__(self, per_minute: int) -> None:
        self._rates = [Rate(per_minute, _MINUTE_MS)]
        self._buckets: OrderedDict[str, StateBucket] = OrderedDict()
        self._lock = Lock()

    def wait_seconds(self, key: str) -> int:
        """0 when a request may pass now, which is counted; else how long until one may."""
        with self._lock:
            bucket = self._bucket(key)
            item = RateItem(key, time.monotonic_ns() // 1_000_000)
            if bucket.put(item):
                return 0
            return max(1, ceil(cast(int, bucket.waiting(item)) / 1000))

    def _bucket(self, key: str) -> StateBucket:
        bucket = self._buckets.pop(key, None) or StateBucket(self._rates, GCRA())
        self._buckets[key] = bucket
        if len(self._buckets) > _MOST_KEYS:
            self._buckets.popitem(last=False)
        return bucket
