"""The way every picture takes out of the store: asked in the ledger, decided on, answered in the ledger, told."""

from dataclasses import dataclass
from typing import Literal
from uuid import UUID, uuid4

from gateway.access.decisions import decide_person
from gateway.access.limits import Limits
from gateway.access.purpose_acts import GATEWAY
from gateway.access.state import AccessState
from gateway.searches.links import PictureLinks
from platestream.clock import Clock
from platestream.errors import RefusedError, TransientError
from sinks.pictures.held import FetchedPicture, StoredAs, fetch_picture
from sinks.pictures.store import PictureStore
from streams.ledger.events import new_event
from streams.ledger.ledger import Ledger
from streams.ledger.sealing import Seals
from streams.ledger.showing import PictureAnswered, PictureRequested


class PictureGone(Exception):  # noqa: N818 - it is no fault: what is due is destroyed
    """The picture is in the store no more, or not yet."""


@dataclass(frozen=True, kw_only=True)
class PictureDesk:
    """Shows pictures to whoever was told of their reads. Safe to use from several threads."""

    ledger: Ledger[AccessState]
    seals: Seals
    limits: Limits
    store: PictureStore
    links: PictureLinks
    clock: Clock

    def show(self, link: str, person_id: str) -> FetchedPicture:
        """The picture, once its use is in the ledger. Keeps: query.log, access.list, training.before-use

        Raises InvalidMessage when the link is not theirs or too old, RefusedError when the person may not see it now
        (its decision is in the ledger), PictureGone when it is not there, TransientError when ledger or store is away,
        IntegrityError when the picture is not what its read says.
        """
        now = self.clock.now()
        linked = self.links.open(link, person_id, now)
        request_id = uuid4()
        requested = PictureRequested(
            request_id=request_id, search_id=linked.search_id, picture_kind=linked.picture.kind.value
        )
        sealed = self.seals.seal(linked.picture.read_id.bytes)
        event = new_event(requested, at=now, actor_id=person_id, subject_id=str(linked.search_id), sealed=sealed)
        state = self.ledger.replay_to(self.ledger.append(event))
        try:
            self._check(state, person_id, linked.search_id)
        except RefusedError as refused:
            self._record(requested, "refused", refused.rule, str(refused))
            raise
        return self._fetch(linked.picture, requested)

    def _check(self, state: AccessState, person_id: str, search_id: UUID) -> None:
        decision = decide_person(state, person_id, "search", self.clock.now(), self.limits)
        if not decision.is_allowed:
            raise RefusedError(decision.rule, decision.sentence)
        if not any(past.search_id == search_id and past.is_allowed for past in state.searches_of(person_id)):
            raise RefusedError("query.log", "No search of yours on record told of this picture; search again.")

    def _fetch(self, picture: StoredAs, requested: PictureRequested) -> FetchedPicture:
        try:
            fetched = fetch_picture(self.store, picture)
        except FileNotFoundError:
            self._record(requested, "gone", "retention.sixty-days", "The picture is not in the store.")
            raise PictureGone("The picture is not in the store; it may have been destroyed.") from None
        except OSError as error:
            raise TransientError(f"The picture store failed ({type(error).__name__}).") from None
        self._record(requested, "shown", "query.log", "It belongs to a read that the person was told of.")
        return fetched

    def _record(
        self, requested: PictureRequested, outcome: Literal["shown", "refused", "gone"], rule: str, sentence: str
    ) -> None:
        answered = PictureAnswered(request_id=requested.request_id, outcome=outcome, rule=rule, sentence=sentence)
        event = new_event(answered, at=self.clock.now(), actor_id=GATEWAY, subject_id=str(requested.search_id))
        self.ledger.append(event)
