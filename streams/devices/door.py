"""Takes one posted message from its header to the disk: who posts, how large, what is in it (steps 1 and 2)."""

import asyncio

from fastapi import Request
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect

from platestream.clock import Clock
from platestream.errors import InvalidMessage, TransientError
from streams.devices.adapters import ADAPTERS
from streams.devices.answers import Problem
from streams.devices.intake import Accepted, Intake, NotJson
from streams.devices.registry import Device, Devices
from streams.devices.spool import Spool, SpoolFull

_BODY_SECONDS = 60


class Door:
    """Refuses with a Problem, or has the message's reads on disk when it returns."""

    def __init__(self, intake: Intake, devices: Devices, spool: Spool, clock: Clock, *, max_body_bytes: int) -> None:
        self._intake = intake
        self._devices = devices
        self._spool = spool
        self._clock = clock
        self._max_body_bytes = max_body_bytes

    async def take(self, vendor: str, request: Request) -> Accepted:
        """Returns once it is on disk. Raises Problem."""
        device = self._device(vendor, request)
        self._check_kind(request)
        body = await self._body(request)
        try:
            accepted = await run_in_threadpool(self._intake.take, body, device, self._clock.now())
            if accepted.records:
                await asyncio.wrap_future(self._spool.put(accepted.records))
        except NotJson as error:
            raise Problem(400, error.reason, str(error)) from None
        except InvalidMessage as error:
            raise Problem(422, error.reason, str(error)) from None
        except SpoolFull as error:
            raise Problem(507, "spool-full", str(error), {"Retry-After": "60"}) from None
        except TransientError as error:
            raise Problem(503, "spool-broken", str(error), {"Retry-After": "60"}) from None
        return accepted

    def _device(self, vendor: str, request: Request) -> Device:
        if vendor not in ADAPTERS:
            known = ", ".join(sorted(ADAPTERS))
            raise Problem(404, "unknown-vendor", f"There is no adapter for this vendor; there are {known}.")
        device = self._devices.authenticate(request.headers.get("authorization"))
        if not device:
            raise Problem(
                401,
                "unauthorized",
                "No such device, or not its credential. Send the token as Bearer, or device id and token as Basic.",
                {"WWW-Authenticate": 'Bearer realm="platestream", Basic realm="platestream", charset="UTF-8"'},
            )
        if device.vendor != vendor:
            raise Problem(422, "wrong-vendor", f"This device is registered as {device.vendor}; post to that address.")
        return device

    def _check_kind(self, request: Request) -> None:
        kind = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
        if kind not in ("application/json", "text/json") and not kind.endswith("+json"):
            raise Problem(415, "not-json", "Send the message as application/json.")
        if request.headers.get("content-encoding", "identity").lower() != "identity":
            raise Problem(415, "not-json", "Send the message without compression.")

    async def _body(self, request: Request) -> bytes:
        """Read while counting: what is too large is never held in memory."""
        declared = request.headers.get("content-length", "")
        if declared.isdecimal() and int(declared) > self._max_body_bytes:
            raise self._too_large()
        body = bytearray()
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                async for chunk in request.stream():
                    body += chunk
                    if len(body) > self._max_body_bytes:
                        raise self._too_large()
        except TimeoutError:
            raise Problem(408, "too-slow", f"The body did not come within {_BODY_SECONDS} seconds.") from None
        except ClientDisconnect:
            raise Problem(400, "cut-short", "The connection ended before the body did.") from None
        return bytes(body)

    def _too_large(self) -> Problem:
        return Problem(413, "too-large", f"The body is larger than {self._max_body_bytes} bytes.")
