"""Secrets at rest: each value under its own random key (AES-256-GCM), that key under the master key of a file.

Both seals are bound to owner, name and version, so that a row copied to another place does not open.
"""

import json
import secrets
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from prudent.domain.errors import InputError, StoreError
from prudent.domain.people import SealedSecret

KEY_BYTES = 32
_NONCE_BYTES = 12
SECRET_BYTES_MAX = 65_536


@dataclass(frozen=True, slots=True, kw_only=True)
class MasterKey:
    """One master key; `id` is a digest that tells keys apart and nothing about them."""

    id: str
    key: bytes = field(repr=False)

    @classmethod
    def of(cls, key: bytes) -> "MasterKey":
        if len(key) != KEY_BYTES:
            raise StoreError(f"a master key must have {KEY_BYTES} bytes, had {len(key)}; restore the key file")
        return cls(id=sha256(b"prudent master key id\0" + key).hexdigest()[:16], key=key)

    @classmethod
    def fresh(cls) -> "MasterKey":
        return cls.of(secrets.token_bytes(KEY_BYTES))


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a secret belongs; it opens nowhere else."""

    owner: str
    name: str
    version: int

    def bound(self, part: str) -> bytes:
        return json.dumps([part, self.owner, self.name, self.version]).encode()


def seal(value: str, place: Place, *, key: MasterKey, at: datetime) -> SealedSecret:
    """The value as it may lie in a database.

    Raises:
        InputError: nothing, or too much to be a secret.
    """
    plain = value.encode()
    if not 1 <= len(plain) <= SECRET_BYTES_MAX:
        raise InputError(f"a secret must have 1 to {SECRET_BYTES_MAX} bytes, had {len(plain)}; give its value")
    own_key, nonce = secrets.token_bytes(KEY_BYTES), secrets.token_bytes(_NONCE_BYTES)
    body = AESGCM(own_key).encrypt(nonce, plain, place.bound("body"))
    return SealedSecret(
        owner=place.owner, name=place.name, version=place.version, key_id=key.id, nonce=_text(nonce), body=_text(body),
        wrapped_key=_wrap(own_key, place, key), created=at,
    )  # fmt: skip


def unseal(sealed: SealedSecret, *, keys: Sequence[MasterKey]) -> str:
    """The value.

    Raises:
        StoreError: its master key is not among `keys`, or the row was altered or moved; the message holds no value.
    """
    own_key = _unwrap(sealed, keys)
    try:
        plain = AESGCM(own_key).decrypt(_bytes(sealed.nonce), _bytes(sealed.body), _place(sealed).bound("body"))
    except (InvalidTag, NotBase64, ValueError) as error:
        raise _altered(sealed) from error
    return plain.decode()


def rewrap(sealed: SealedSecret, *, keys: Sequence[MasterKey], to: MasterKey) -> SealedSecret:
    """The same secret under another master key; its value is not opened."""
    wrapped = _wrap(_unwrap(sealed, keys), _place(sealed), to)
    return replace(sealed, key_id=to.id, wrapped_key=wrapped)


def _wrap(own_key: bytes, place: Place, master: MasterKey) -> str:
    nonce = secrets.token_bytes(_NONCE_BYTES)
    return _text(nonce + AESGCM(master.key).encrypt(nonce, own_key, place.bound(f"key {master.id}")))


def _unwrap(sealed: SealedSecret, keys: Sequence[MasterKey]) -> bytes:
    master = next((key for key in keys if key.id == sealed.key_id), None)
    if master is None:
        held = ", ".join(key.id for key in keys) or "none"
        raise StoreError(
            f"secret {sealed.name} must be opened with master key {sealed.key_id}, the key file holds {held}; "
            "restore the key file that belongs to this ledger, or set the secret anew"
        )
    try:
        wrapped = _bytes(sealed.wrapped_key)
        bound = _place(sealed).bound(f"key {master.id}")
        return AESGCM(master.key).decrypt(wrapped[:_NONCE_BYTES], wrapped[_NONCE_BYTES:], bound)
    except (InvalidTag, NotBase64, ValueError) as error:
        raise _altered(sealed) from error


def _altered(sealed: SealedSecret) -> StoreError:
    return StoreError(
        f"secret {sealed.name} (version {sealed.version}) must be as it was stored, was altered or moved; "
        f"set it anew with `invest secrets set {sealed.name}`"
    )


def _place(sealed: SealedSecret) -> Place:
    return Place(owner=sealed.owner, name=sealed.name, version=sealed.version)


def _text(raw: bytes) -> str:
    return b64encode(raw).decode("ascii")


def _bytes(text: str) -> bytes:
    return b64decode(text, validate=True)
