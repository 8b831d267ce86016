"""An nkey: a pair of Ed25519 keys, written as NATS writes them (https://github.com/nats-io/nkeys)."""

from __future__ import annotations

import base64
import binascii

from nacl.signing import SigningKey

SEED = 18 << 3
USER = 20 << 3
KEY_BYTES = 32
CHECKSUM_BYTES = 2


class Nkey:
    """The nkey of a user, from its seed. For anything else it raises ValueError, which says what that is instead."""

    def __init__(self, seed: str) -> None:
        raw = _decode(seed)
        # The kind of a seed is spread over two bytes, so that its text begins with two letters: SU is a user's.
        if len(raw) != 2 + KEY_BYTES or raw[0] & 0xF8 != SEED:
            raise ValueError("an nkey that is no seed")
        if (raw[0] & 0x07) << 5 | raw[1] >> 3 != USER:
            raise ValueError("the seed of somebody else than a user, whose seed begins with SU")
        self._key = SigningKey(raw[2:])

    @property
    def public(self) -> str:
        """The public key, by which a server knows the user."""
        raw = bytes([USER]) + bytes(self._key.verify_key)
        return base64.b32encode(raw + _checksum(raw)).decode().rstrip("=")

    def sign(self, nonce: str) -> bytes:
        """Return the signature of what a server asks to sign, in base64."""
        return base64.b64encode(self._key.sign(nonce.encode()).signature)


def _decode(text: str) -> bytes:
    try:
        raw = base64.b32decode(text + "=" * (-len(text) % 8))
    except ValueError:
        raise ValueError("no seed of an nkey") from None
    body, checksum = raw[:-CHECKSUM_BYTES], raw[-CHECKSUM_BYTES:]
    if checksum != _checksum(body):
        raise ValueError("a seed with a wrong or missing character")
    return body


def _checksum(raw: bytes) -> bytes:
    return binascii.crc_hqx(raw, 0).to_bytes(CHECKSUM_BYTES, "little")
