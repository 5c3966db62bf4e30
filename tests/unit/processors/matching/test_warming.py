"""After the warm-up nothing is left to compile: in a process of its own, since others have compiled before."""

import subprocess
import sys

_SCRIPT = """
import sys
from numba.core.dispatcher import Dispatcher
from platestream.settings import MatchingSettings
from processors.matching.hotlist import Hotlist
from processors.matching.warming import warm_up
from schemas.plates import hotlist_key
from tests.chunks import records_of, records_with
from tests.matching import a_read, an_entry
from tests.matching_worker import fixed_codec

def compiled():
    modules = [module for name, module in sys.modules.items() if name.startswith(("processors.", "streams."))]
    functions = {id(f): f for module in modules for f in vars(module).values() if isinstance(f, Dispatcher)}
    return {f.__name__: len(f.signatures) for f in functions.values()}

codec = fixed_codec()
warm_up()
before = compiled()
hotlist = Hotlist(codec, MatchingSettings())
plates = [f"KLM{number:04d}" for number in range(3000)]
entries = [(hotlist_key(plate, "e1"), codec.encode(an_entry(plate))) for plate in plates]
for _ in range(8):
    hotlist.apply_all(records_of(entries))
hotlist.apply(hotlist_key(plates[0], "e1"), None)
reads = records_with([codec.encode(a_read(plate)) for plate in ("KLM0001", "OTHER1", "KLM0000")])
assert [selected.record.offset for selected in hotlist.select(reads)] == [0]
assert hotlist.entries(b"KLM0001")
assert before["put_some"] == before["find_listed"] == before["clean"] == before["_move"] == 1, before
assert compiled() == before, (before, compiled())
"""


def test_after_it_nothing_is_left_to_compile() -> None:
    done = subprocess.run([sys.executable, "-c", _SCRIPT], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
