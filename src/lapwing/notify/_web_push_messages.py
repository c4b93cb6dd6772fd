"""A message that only one browser can read, and the word of who sent it: RFC 8291, 8188 and 8292.

Own code over `cryptography`: the library for this sends by a blocking client, makes a new signature for every message
(Apple wants at most one an hour), and changes what it is handed; what is left of it is these functions.
"""

from __future__ import annotations

import base64
import binascii

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

CURVE = ec.SECP256R1()
ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
"""Of P-256: private keys are below it."""
POINT_BYTES, AUTH_BYTES, SCALAR_BYTES, SALT_BYTES = 65, 16, 32, 16
RECORD_BYTES = 4_096
PLAIN_BYTES_MAX = 3_993
"""What is left of the 4,096 bytes that every push service takes."""
LAST = b"\x02"
"""Ends the last record of a message (RFC 8188)."""


class Unreadable(ValueError):
    """Text that is no key."""


def encrypted(plain: bytes, keys: tuple[str, str], own: ec.EllipticCurvePrivateKey, salt: bytes) -> bytes:
    """The body of a push message; `own` is a fresh key and `salt` 16 fresh random bytes for every message.

    `keys` are the subscription's `p256dh` and `auth`.

    Raises `Unreadable` for a subscription's keys that are none. The plain text may have `PLAIN_BYTES_MAX` bytes.
    """
    assert len(plain) <= PLAIN_BYTES_MAX
    assert len(salt) == SALT_BYTES
    reader, auth = point_of(keys[0]), decoded(keys[1], AUTH_BYTES)
    theirs, ours = _written(reader), _written(own.public_key())
    shared = own.exchange(ec.ECDH(), reader)
    secret = _derived(shared, auth, b"WebPush: info\0" + theirs + ours, 32)
    key = _derived(secret, salt, b"Content-Encoding: aes128gcm\0", 16)
    nonce = _derived(secret, salt, b"Content-Encoding: nonce\0", 12)
    head = salt + RECORD_BYTES.to_bytes(4, "big") + bytes([POINT_BYTES]) + ours
    return head + AESGCM(key).encrypt(nonce, plain + LAST, None)


def signed_word(own: ec.EllipticCurvePrivateKey, origin: str, contact: str, expires_s: int) -> str:
    """The `Authorization` of a push service: who sends, until when that is true, and the key to check it (RFC 8292)."""
    claims = {"aud": origin, "exp": expires_s, "sub": contact}
    text = b".".join(encoded(msgspec.json.encode(each)).encode() for each in ({"typ": "JWT", "alg": "ES256"}, claims))
    r, s = decode_dss_signature(own.sign(text, ec.ECDSA(hashes.SHA256())))
    signature = encoded(r.to_bytes(SCALAR_BYTES, "big") + s.to_bytes(SCALAR_BYTES, "big"))
    return f"vapid t={text.decode()}.{signature}, k={public_text(own)}"


def private_key(text: str) -> ec.EllipticCurvePrivateKey:
    """A key from 32 bytes in Base64, as most tools write it, or from PEM; raises `Unreadable`."""
    try:
        if "-----BEGIN" in text:
            found = load_pem_private_key(text.encode(), None)
            if not isinstance(found, ec.EllipticCurvePrivateKey) or not isinstance(found.curve, ec.SECP256R1):
                raise Unreadable("it is no key of the curve P-256")
            return found
        return ec.derive_private_key(int.from_bytes(decoded(text.strip(), SCALAR_BYTES), "big"), CURVE)
    except (ValueError, TypeError) as problem:
        raise Unreadable(str(problem)) from None


def text_of(secret: bytes) -> str:
    """The private key that 32 secret bytes make, as `private_key` reads it: the same for the same bytes."""
    assert len(secret) == SCALAR_BYTES
    scalar = int.from_bytes(secret, "big") % (ORDER - 1) + 1
    return encoded(scalar.to_bytes(SCALAR_BYTES, "big"))


def new_private_text() -> str:
    """A fresh private key, as `private_key` reads it."""
    scalar = ec.generate_private_key(CURVE).private_numbers().private_value
    return encoded(scalar.to_bytes(SCALAR_BYTES, "big"))


def public_text(own: ec.EllipticCurvePrivateKey) -> str:
    """The public key as a browser's `applicationServerKey` has it."""
    return encoded(_written(own.public_key()))


def fresh_key() -> ec.EllipticCurvePrivateKey:
    """A key for one message."""
    return ec.generate_private_key(CURVE)


def point_of(text: str) -> ec.EllipticCurvePublicKey:
    """A public key from its Base64; raises `Unreadable` for what is no point of the curve."""
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(CURVE, decoded(text, POINT_BYTES))
    except ValueError as problem:
        raise Unreadable(str(problem)) from None


def decoded(text: str, size: int) -> bytes:
    """Bytes from their URL-safe Base64, with padding or without; raises `Unreadable` unless they are so many."""
    try:
        found = base64.b64decode(text.rstrip("=") + "=" * (-len(text.rstrip("=")) % 4), b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise Unreadable("it is no URL-safe Base64") from None
    if len(found) != size:
        raise Unreadable(f"it has {len(found)} bytes instead of {size}")
    return found


def encoded(value: bytes) -> str:
    """URL-safe Base64 without padding."""
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _derived(secret: bytes, salt: bytes, info: bytes, size: int) -> bytes:
    return HKDF(hashes.SHA256(), size, salt, info).derive(secret)


def _written(key: ec.EllipticCurvePublicKey) -> bytes:
    return key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
