"""The checks that acts of administration share."""

from datetime import datetime

from gateway.access.roles import Action, may
from gateway.access.state import AccessState
from platestream.errors import RefusedError
from schemas.messages import LedgerEvent


def check_other(rule: str, event: LedgerEvent, person_id: str) -> None:
    """Raises RefusedError when someone acts for themselves."""
    if event.actor_id == person_id:
        raise RefusedError(rule, "Nobody does this for themselves; another person must.")


def check_may(state: AccessState, event: LedgerEvent, action: Action, rule: str) -> None:
    """Raises RefusedError when no role of the actor allows the action."""
    if not may(state.person(event.actor_id).roles, action):
        raise RefusedError(rule, f"The roles of the person who acts do not include: {action}.")


def check_dates(rule: str, from_at: datetime, until_at: datetime) -> None:
    """Raises RefusedError when dates are turned round."""
    if from_at >= until_at:
        raise RefusedError(rule, "The end must come after the beginning.")
