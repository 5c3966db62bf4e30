"""Folders are markers, and what is not marked for a server cannot open a socket."""

from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings
from pytest_socket import disable_socket, enable_socket

from schemas.codec import Codec
from schemas.versions import versions

pytest_plugins = ["tests.stack", "tests.storage_fixture"]

_KINDS = {"contract", "integration", "e2e"}

hypothesis_settings.register_profile("ci", derandomize=True, deadline=None, max_examples=100)
hypothesis_settings.register_profile("soak", deadline=None, max_examples=5000)
hypothesis_settings.load_profile("ci")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    root = Path(__file__).parent
    for item in items:
        kind = item.path.relative_to(root).parts[0]
        if kind in _KINDS:
            item.add_marker(kind)


def pytest_runtest_setup(item: pytest.Item) -> None:
    if _KINDS & {marker.name for marker in item.iter_markers()}:
        enable_socket()
    else:
        disable_socket(allow_unix_socket=True)


@pytest.fixture(scope="session")
def codec() -> Codec:
    """A codec with ids as a registry might give them out."""
    ids = iter(range(101, 1000))
    return Codec({record: {version.number: next(ids) for version in all_} for record, all_ in versions().items()})
