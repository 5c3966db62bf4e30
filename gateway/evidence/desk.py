"""The way of every evidence package: request, ledger, decision on it, package, ledger, out."""

import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO
from uuid import UUID

from gateway.access.decisions import decide_person
from gateway.access.guard import Guard, Refused
from gateway.evidence.custody import custody_of
from gateway.evidence.package import Package
from platestream.errors import InvalidMessage, TransientError
from sinks.holds.reading import HeldReads
from sinks.holds.state import Hold, HoldsState
from sinks.pictures.store import PictureStore
from streams.ledger.events import new_event
from streams.ledger.evidence import EvidencePackaged, EvidenceRequested
from streams.ledger.ledger import Ledger
from streams.ledger.proof import Event, Fault
from streams.ledger.signing import HeadSigner

History = Callable[[], Iterable[Event | Fault]]


@dataclass(frozen=True, kw_only=True)
class EvidenceDesk:
    """`history` reads the whole ledger as bytes; a package is written below `folder`, without a name, then told."""

    guard: Guard
    holds: Ledger[HoldsState]
    held: HeldReads
    pictures: PictureStore
    history: History
    signer: HeadSigner
    folder: Path
    most_reads: int

    def make(self, requested: EvidenceRequested, *, by: str) -> BinaryIO:
        """The package, at its beginning, once it is in the ledger that it was made. Keeps: evidence.copy

        Raises Refused (it is in the ledger), InvalidMessage when no hold of that id is open or it keeps too much,
        TransientError when ledger, store or disk fail, IntegrityError when a picture is not what its read says.
        """
        self._decide(requested, by)
        hold = self._hold(requested.hold_id)
        try:
            file = tempfile.TemporaryFile(dir=self.folder)
        except OSError as error:
            raise TransientError(f"There is no room for an evidence package: {error.strerror}.") from None
        try:
            self._write(file, hold, requested, by)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return file

    def _decide(self, requested: EvidenceRequested, by: str) -> None:
        guard = self.guard
        event = new_event(requested, at=guard.clock.now(), actor_id=by, subject_id=str(requested.hold_id))
        state = guard.ledger.replay_to(guard.ledger.append(event))
        decision = decide_person(state, by, "export-evidence", event.at, guard.limits)
        if not decision.is_allowed:
            guard.note(by, "export-evidence", decision.rule, decision.sentence)
            raise Refused(decision)

    def _hold(self, hold_id: UUID) -> Hold:
        hold = self.holds.replay_all().holds.get(hold_id)
        if hold is None:
            raise InvalidMessage("no-such-hold", "No hold of this id is open.")
        if self.held.count(hold_id) > self.most_reads:
            raise InvalidMessage(
                "too-much", f"The hold keeps more than {self.most_reads} reads; open narrower holds and package those."
            )
        return hold

    def _write(self, file: BinaryIO, hold: Hold, requested: EvidenceRequested, by: str) -> None:
        now, package = self.guard.clock.now(), Package(file, self.pictures)
        custody = custody_of(self.history(), hold.id)
        try:
            manifest = package.write(hold, self.held, custody, requested, now)
            packaged = package.finish(manifest, self.signer, custody, now)
        except OSError as error:
            raise TransientError(f"The evidence package could not be written ({type(error).__name__}).") from None
        finally:
            package.close()
        body = EvidencePackaged(
            package_id=requested.package_id,
            hold_id=hold.id,
            read_count=packaged.read_count,
            alert_count=packaged.alert_count,
            picture_count=packaged.picture_count,
            missing_pictures=packaged.missing_pictures,
            manifest_sha256=packaged.manifest_sha256,
        )
        self.guard.ledger.append(new_event(body, at=self.guard.clock.now(), actor_id=by, subject_id=str(hold.id)))
