#!/usr/bin/env python3
"""Writes Tests/FilesTests/Fixtures/gzip.json: texts and what zlib makes of them.

Run with Python 3 alone:

    python3 Interop/make_gzip_fixtures.py

Every kind of block that DEFLATE has is there (stored, fixed and dynamic codes, without matches, with one distance
only), more than a window of it, every field that a header may have, several members and zeros behind them.
"""

import base64
import gzip
import hashlib
import json
import pathlib
import random
import zlib


def member(data, level=9, strategy=zlib.Z_DEFAULT_STRATEGY, name=None, comment=None, extra=None, header_sum=False):
    packer = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy)
    body = packer.compress(data) + packer.flush()
    flags = (4 if extra is not None else 0) | (8 if name else 0) | (16 if comment else 0) | (2 if header_sum else 0)
    head = b"\x1f\x8b\x08" + bytes([flags]) + b"\0\0\0\0\0\xff"
    if extra is not None:
        head += len(extra).to_bytes(2, "little") + extra
    if name:
        head += name + b"\0"
    if comment:
        head += comment + b"\0"
    if header_sum:
        head += (zlib.crc32(head) & 0xFFFF).to_bytes(2, "little")
    return head + body + zlib.crc32(data).to_bytes(4, "little") + len(data).to_bytes(4, "little")


lines = "".join(f"Line {i} of a text that repeats itself, but not quite: {i * i % 97}.\n" for i in range(60)).encode()
words = random.Random(7)
# Matches as far away as they can be: the same hundred words after nearly a window of others.
far = [bytes(words.choices(range(97, 123), k=9)) + b" " for _ in range(3270)]
window = b"".join(far[:100] + far[100:] + far[:100])

cases = {
    "dynamic": (lines, member(lines)),
    "fixed": (lines[:300], member(lines[:300], strategy=zlib.Z_FIXED)),
    "stored": (lines[:100], member(lines[:100], level=0)),
    "without matches": (lines[:400], member(lines[:400], strategy=zlib.Z_HUFFMAN_ONLY)),
    "one distance": (b"a" * 70000, member(b"a" * 70000, strategy=zlib.Z_RLE)),
    "a whole window": (window, member(window)),
    "header": (lines, member(lines, name=b"a.txt", comment=b"c", extra=b"xy\x02\0ab", header_sum=True)),
    "members": (lines + b"b" + lines[:50], member(lines) + member(b"b") + member(b"") + member(lines[:50])),
    "zeros behind": (b"abc", member(b"abc") + bytes(600)),
    "empty": (b"", member(b"")),
}
for name, (data, packed) in cases.items():
    assert gzip.decompress(packed) == data, name
path = pathlib.Path(__file__).parent.parent / "Tests/FilesTests/Fixtures/gzip.json"
path.parent.mkdir(exist_ok=True)
path.write_text(
    json.dumps(
        [
            {
                "name": name,
                "bytes": len(data),
                "sha256": hashlib.sha256(data).hexdigest(),
                "packed": base64.b64encode(packed).decode(),
            }
            for name, (data, packed) in cases.items()
        ],
        indent=1,
    )
    + "\n"
)
