"""Every error platestream raises on purpose, in one tree.

    PlatestreamError
    |- ConfigError      the set-up is wrong: a sentence that says what to do, exit code 2
    |- InvalidMessage   one message is bad: it becomes a dead letter or an HTTP 4xx, the rest goes on
    |- TransientError   something is away for now: back off and try again, then end the process
    |- RefusedError     a rule says no: the reason is answered and audited
    `- IntegrityError   a promise is broken (data lost, hold broken, survivors): stop and page

Messages say what, where and what to do. They never hold a plate, a person or a payload.
"""


class PlatestreamError(Exception):
    """Base of all errors raised on purpose."""


class ConfigError(PlatestreamError):
    """The set-up is wrong; the command line prints the sentence and exits with 2."""


class InvalidMessage(PlatestreamError):
    """One message cannot be accepted. `reason` is a short word from a closed set, fit for a metric label."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


class TransientError(PlatestreamError):
    """A server is away or slow for now."""


class RefusedError(PlatestreamError):
    """A rule of the order refuses. `rule` is its id in docs/rules.toml."""

    def __init__(self, rule: str, sentence: str) -> None:
        super().__init__(sentence)
        self.rule = rule


class IntegrityError(PlatestreamError):
    """A promise about the data is broken; the process must stop."""
