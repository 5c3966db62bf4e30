"""What the agency has set, as the rules use it. Law changes: these are configuration, not constants."""

import re
from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from platestream.errors import ConfigError
from platestream.settings import GatewaySettings


@dataclass(frozen=True, kw_only=True)
class Limits:
    """`review` is how long an authorization stands without a review; `tracking_searches` of one plate in `tracking`
    need no permit; `exigency` is how long one may last; `burst_searches` of a person in an hour are looked at.
    """

    case_number: re.Pattern[str]
    max_span: timedelta
    review: timedelta
    tracking_searches: int
    tracking: timedelta
    exigency: timedelta
    burst_searches: int
    time_zone: ZoneInfo


def limits_of(gateway: GatewaySettings) -> Limits:
    """The limits in the settings. Raises ConfigError when the pattern of case numbers or the time zone is none."""
    try:
        case_number = re.compile(gateway.case_number_pattern, re.ASCII)
    except re.error:
        raise ConfigError("gateway.case_number_pattern is not a regular expression; correct it.") from None
    try:
        time_zone = ZoneInfo(gateway.time_zone)
    except (KeyError, ValueError, OSError):
        raise ConfigError("gateway.time_zone is no time zone, such as America/Chicago; correct it.") from None
    return Limits(
        case_number=case_number,
        max_span=timedelta(days=gateway.max_span_days),
        review=timedelta(days=gateway.review_days),
        tracking_searches=gateway.tracking_searches,
        tracking=timedelta(days=gateway.tracking_days),
        exigency=timedelta(hours=gateway.exigency_hours),
        burst_searches=gateway.burst_searches,
        time_zone=time_zone,
    )
