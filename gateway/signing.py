"""Signs what the gateway hands out and wants to see again unchanged, from the same person: cursors and picture links.

Keyed BLAKE2b over what the text says and what it is bound to; the key comes from the key of plate hashes, which only
gateways hold, so what one gateway signed another one knows, also after a restart.
"""

import base64
import binascii
import hashlib
import hmac
import json
from datetime import datetime, timedelta
from typing import Any

from platestream.clock import to_ms
from platestream.errors import InvalidMessage
from platestream.secret_files import read_secret
from platestream.settings import Settings

_MAC_BYTES = 16


class Signer:
    """Makes and opens texts of one `purpose`, a word of up to 16 letters. Each is good for a while, for one person."""

    def __init__(self, secret: bytes, purpose: str, good_for: timedelta) -> None:
        self._key = hashlib.blake2b(key=secret, digest_size=32, person=purpose.encode()).digest()
        self._good_for = good_for

    def sign(self, content: dict[str, Any], person_id: str, now: datetime, bound_to: str = "") -> str:
        """A text for an address or a form. Whoever has it can read what it says, and not change it."""
        written = json.dumps({**content, "until_ms": to_ms(now + self._good_for)}, separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(written + self._mac(written, person_id, bound_to)).decode().rstrip("=")

    def open(self, text: str, person_id: str, now: datetime, bound_to: str = "") -> dict[str, Any]:
        """What was signed. Raises InvalidMessage when it is for another person, bound to something else, or old."""
        try:
            signed = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            signed = b""
        written, mac = signed[:-_MAC_BYTES], signed[-_MAC_BYTES:]
        if not hmac.compare_digest(mac, self._mac(written, person_id, bound_to)):
            raise InvalidMessage("not-signed", "It is not one that you were given for this; search again.")
        content: dict[str, Any] = json.loads(written)
        if to_ms(now) >= content.pop("until_ms"):
            raise InvalidMessage("too-old", "Its time is over; search again.")
        return content

    def _mac(self, written: bytes, person_id: str, bound_to: str) -> bytes:
        parts = json.dumps([written.hex(), person_id, bound_to]).encode()
        return hashlib.blake2b(parts, key=self._key, digest_size=_MAC_BYTES).digest()


def load_signer(settings: Settings, purpose: str, good_for_minutes: int) -> Signer:
    """Raises ConfigError when the key file is missing."""
    secret = read_secret(settings.path(settings.gateway.plate_hash_key_file))
    return Signer(secret, purpose, timedelta(minutes=good_for_minutes))
