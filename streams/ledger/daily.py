"""Signs the ledger's head once a day, in a thread of the storage process, so that no day's history can be rewritten."""

import logging
import threading
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from platestream.clock import Clock
from platestream.errors import IntegrityError, TransientError
from streams.ledger.events import new_event
from streams.ledger.ledger import Ledger
from streams.ledger.proof import Event, Fault
from streams.ledger.signing import HeadSigner, signed_head
from streams.ledger.verification import verify_events

_DAY = timedelta(days=1)
_LOOK_SECONDS = 600.0

_log = logging.getLogger(__name__)


class DailySigning:
    """`signed_at` says when a head was signed last, as far as the ledger was followed; `history` reads all of it.

    `start` once, `check` often, `stop` at the end.
    """

    def __init__(
        self,
        ledger: Ledger[Any],
        signed_at: Callable[[], datetime | None],
        history: Callable[[], Iterable[Event | Fault]],
        signer: HeadSigner,
        clock: Clock,
        topic: str,
    ) -> None:
        self._ledger, self._signed_at, self._history = ledger, signed_at, history
        self._signer, self._clock, self._topic = signer, clock, topic
        self._fault: IntegrityError | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="daily-signing", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def check(self) -> None:
        """Raises IntegrityError once the ledger did not verify: then its head is not signed."""
        if self._fault is not None:
            raise self._fault

    def stop(self) -> None:
        self._stop.set()
        self._thread.join()

    def sign_if_due(self) -> bool:
        """Sign when the last signature is a day old; says whether it was.

        Raises IntegrityError when the ledger does not verify, TransientError when it is away.
        """
        now, last = self._clock.now(), self._signed_at()
        if last is not None and now - last < _DAY:
            return False
        verified = verify_events(self._history(), self._topic, self._signer.public_key)
        if not verified.events and not verified.faults:
            return False
        body = signed_head(verified, self._topic, self._signer, now)
        self._ledger.append(new_event(body, at=now, actor_id="ledger", subject_id="ledger"))
        return True

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.sign_if_due()
            except TransientError as error:
                _log.warning("The ledger's head is not signed yet: %s", error)
            except IntegrityError as fault:
                self._fault = fault
                return
            self._stop.wait(_LOOK_SECONDS)
