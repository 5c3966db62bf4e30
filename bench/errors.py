"""What ends a bench."""


class BenchError(Exception):
    """A contender failed or gave a wrong result; the sentence says which."""
