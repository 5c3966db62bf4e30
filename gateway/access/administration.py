"""What administrators do to the access list. Each act is one ledger event; commands and API call these functions.

The commander's approval and the administrator's authorization are named in one event, by two people, neither of them
the person concerned.
"""

from datetime import datetime
from typing import Any

from platestream.clock import Clock
from platestream.errors import RefusedError
from streams.ledger.body import Body
from streams.ledger.events import AuthorizationGranted, AuthorizationRevoked, TrainingRecorded, new_event
from streams.ledger.ledger import Ledger


def authorize(ledger: Ledger[Any], clock: Clock, granted: AuthorizationGranted) -> int:
    """Put a person on the access list; gives the event's offset. Keeps: access.approval

    Raises RefusedError when approver, administrator and person are not three people, or the dates are turned round;
    TransientError when the ledger is away.
    """
    if len({granted.person_id, granted.approved_by, granted.authorized_by}) < 3:
        raise RefusedError(
            "access.approval", "Approval and authorization are acts of two people, neither of them for themselves."
        )
    _check_dates("access.approval", granted.from_at, granted.until_at)
    return _record(ledger, clock, granted, granted.authorized_by, granted.person_id)


def revoke(ledger: Ledger[Any], clock: Clock, revoked: AuthorizationRevoked) -> int:
    """Take a person off the access list; no search asked after this returns is allowed.

    Raises TransientError when the ledger is away.
    """
    return _record(ledger, clock, revoked, revoked.revoked_by, revoked.person_id)


def record_training(ledger: Ledger[Any], clock: Clock, training: TrainingRecorded) -> int:
    """Record that a person was trained.

    Raises RefusedError when someone trained themselves or the dates are turned round; TransientError when the ledger
    is away.
    """
    if training.trained_by == training.person_id:
        raise RefusedError("training.before-use", "Nobody trains themselves; name who gave the training.")
    _check_dates("training.before-use", training.from_at, training.until_at)
    return _record(ledger, clock, training, training.trained_by, training.person_id)


def _check_dates(rule: str, from_at: datetime, until_at: datetime) -> None:
    if from_at >= until_at:
        raise RefusedError(rule, "The end must come after the beginning.")


def _record(ledger: Ledger[Any], clock: Clock, body: Body, actor_id: str, subject_id: str) -> int:
    return ledger.append(new_event(body, at=clock.now(), actor_id=actor_id, subject_id=subject_id))
