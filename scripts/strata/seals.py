"""Seals: how a PNG says that it is exactly what was painted, and from what.

A seal is the last text chunk of a PNG: the key of the pass (see painting/store.py), and the SHA-256 of all bytes before it with
that key. A file whose seal is intact was neither damaged nor retouched, since editors drop or break it. Image programs pass
over the chunk. Only bytes are looked at, so that a seal costs no decoding.
"""

import hashlib
import zlib

KEYWORD = b"strata-seal"
UNKEYED = "0" * 64
"""The key of a picture that is no pass: a mask, a composite."""

_HEADER = 8 + 12 + 13  # the signature and IHDR
_END = b"\0\0\0\0IEND" + zlib.crc32(b"IEND").to_bytes(4, "big")
_BODY = len(KEYWORD) + 1 + 64 + 1 + 64  # the keyword, a zero, the key, a space, the digest
_CHUNK = 4 + 4 + _BODY + 4  # length, type, body, checksum


def seal(png: bytes, key: str = UNKEYED) -> bytes:
    """The bytes of a PNG with a seal.

    Args:
        key: 64 hexadecimal digits.
    """
    if not png.endswith(_END) or len(key) != len(UNKEYED):
        raise ValueError("A seal needs a whole PNG, and a key of 64 digits.")
    content = png[: -len(_END)]
    return content + _make_chunk(content, key) + _END


def read_seal(png: bytes) -> str | None:
    """The key in a PNG's seal; None if it has no seal, or one that is broken."""
    content, chunk = png[: -len(_END) - _CHUNK], png[-len(_END) - _CHUNK : -len(_END)]
    body = chunk[8:-4]
    key = body[len(KEYWORD) + 1 : len(KEYWORD) + 65].decode("ascii", "replace")
    sealed = len(chunk) == _CHUNK and png.endswith(_END) and len(key) == 64 and chunk == _make_chunk(content, key)
    return key if sealed else None


def add_text(png: bytes, keyword: str, text: str) -> bytes:
    """The bytes of a sealed PNG with a text chunk right behind its header, sealed anew with the same key.

    A chunk of that keyword that an earlier call put there is replaced.

    Raises:
        ValueError: it is no PNG with a seal that holds.
    """
    key = read_seal(png)
    if key is None:
        raise ValueError("Only a sealed PNG takes further text.")
    head, rest = png[:_HEADER], png[_HEADER : -len(_END) - _CHUNK]
    body = keyword.encode("latin-1") + b"\0"
    if rest[4:].startswith(b"iTXt" + body):
        rest = rest[12 + int.from_bytes(rest[:4], "big") :]
    chunk = b"iTXt" + body + b"\0\0\0\0" + text.encode()  # not compressed, of no language
    added = (len(chunk) - 4).to_bytes(4, "big") + chunk + zlib.crc32(chunk).to_bytes(4, "big")
    return seal(head + added + rest + _END, key)


def _make_chunk(content: bytes, key: str) -> bytes:
    digest = hashlib.sha256(content)
    digest.update(key.encode("ascii", "replace"))
    body = KEYWORD + b"\0" + key.encode("ascii", "replace") + b" " + digest.hexdigest().encode()
    kind = b"tEXt"
    return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")
