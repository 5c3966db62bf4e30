"""One adapter a vendor: pure functions from its JSON to what may be kept (step 1).

A further vendor is one new file with a `take` and its line in this table.
"""

from streams.devices.adapters import openalpr, rekor
from streams.devices.adapters.seen import Adapter

ADAPTERS: dict[str, Adapter] = {"openalpr": openalpr.take, "rekor": rekor.take}
