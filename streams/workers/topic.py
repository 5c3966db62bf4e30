"""Topics whose messages arrive as the bytes they are.

Faust drops what its own codecs cannot decode without a word, so none of them is used: we decode.
"""

from typing import Any

import faust
from faust.types import AppT
from faust.types.tuples import Message


def raw_topic(app: AppT, name: str, **options: Any) -> Any:
    """A topic of `app` whose events carry key and value as bytes, or None. `options` are those of faust's app.topic."""
    return app.topic(name, schema=_Raw(), **options)


class _Raw(faust.Schema[Any, Any]):
    def loads_key(self, app: AppT, message: Message, *, loads: Any = None, serializer: Any = None) -> Any:
        return message.key

    def loads_value(self, app: AppT, message: Message, *, loads: Any = None, serializer: Any = None) -> Any:
        return message.value
