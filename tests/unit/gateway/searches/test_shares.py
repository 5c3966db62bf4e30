import pytest

from gateway.searches.shares import Shares, TooManyAtOnce


def test_a_share_is_a_persons_own_and_comes_back_whatever_happens() -> None:
    shares = Shares(2)
    with shares.taken("one"):
        with pytest.raises(ZeroDivisionError), shares.taken("one"):
            with pytest.raises(TooManyAtOnce), shares.taken("one"):
                pass
            with shares.taken("other"):
                raise ZeroDivisionError
        with shares.taken("one"):
            pass
