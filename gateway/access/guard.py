"""Asks the rules before an act or an answer that they must not let through, and writes a refusal into the ledger."""

from dataclasses import dataclass
from uuid import uuid4

from gateway.access.decisions import Decision, decide_person
from gateway.access.limits import Limits
from gateway.access.roles import Action
from gateway.access.state import AccessState
from platestream.clock import Clock
from platestream.errors import RefusedError
from streams.ledger.events import new_event
from streams.ledger.evidence import ActRefused
from streams.ledger.ledger import Ledger


class Refused(RefusedError):
    """Refused by a rule, with the decision that explains it."""

    def __init__(self, decision: Decision) -> None:
        super().__init__(decision.rule, decision.sentence)
        self.decision = decision


@dataclass(frozen=True, kw_only=True)
class Guard:
    """Decides on the ledger as it is at the moment of the question."""

    ledger: Ledger[AccessState]
    clock: Clock
    limits: Limits

    def check(self, person_id: str, action: Action) -> AccessState:
        """The state that it was decided on. Keeps: program.administration, suspension.order

        Raises Refused once the refusal is in the ledger, TransientError when the ledger is away.
        """
        state = self.ledger.replay_all()
        decision = decide_person(state, person_id, action, self.clock.now(), self.limits)
        if not decision.is_allowed:
            self.note(person_id, action, decision.rule, decision.sentence)
            raise Refused(decision)
        return state

    def note(self, person_id: str, action: str, rule: str, sentence: str) -> None:
        """Write a refusal down. Its actor is whoever tried."""
        refused = ActRefused(action=action, rule=rule, sentence=sentence)
        self.ledger.append(new_event(refused, at=self.clock.now(), actor_id=person_id, subject_id=str(uuid4())))
