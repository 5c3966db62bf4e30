"""What unit tests of several rooms need."""

import pytest

from schemas.codec import Codec
from schemas.versions import versions


@pytest.fixture(scope="session")
def codec() -> Codec:
    """A codec with ids as a registry might give them out."""
    ids = iter(range(101, 1000))
    return Codec({record: {version.number: next(ids) for version in all_} for record, all_ in versions().items()})
