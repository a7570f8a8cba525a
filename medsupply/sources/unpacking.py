"""Bytes of a delivery become text or a Parquet file, within limits that are checked while it is unpacked."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from dataclasses import dataclass

from medsupply.errors import DeliveryRefused
from medsupply.settings import Settings


@dataclass(frozen=True)
class Limits:
    """What one delivery may be at most, as the settings say unless told; both edges are tested."""

    bytes_received: int = Settings.max_file_bytes
    bytes_unpacked: int = Settings.max_unpacked_bytes
    ratio: int = 200
    rows: int = Settings.max_rows
    field_characters: int = 10_000
    columns: int = Settings.max_columns


LIMITS = Limits()
# For bytes that were taken once: limits that were lowered since must not change what they hold.
NO_LIMITS = Limits(sys.maxsize, sys.maxsize, sys.maxsize, sys.maxsize, columns=sys.maxsize)
GZIP, PARQUET = b"\x1f\x8b", b"PAR1"
# A small file may unpack to many times its size; below this many bytes the ratio says nothing.
RATIO_MATTERS_FROM = 50_000_000
OTHER_KINDS = {
    b"PK\x03\x04": "a ZIP or Excel file",
    b"%PDF": "a PDF",
    b"\xd0\xcf\x11\xe0": "an old Excel file",
    b"BZh": "a bzip2 file",
    b"7z\xbc\xaf": "a 7-Zip file",
    b"\xfd7zXZ": "an xz file",
    b"\x28\xb5\x2f\xfd": "a zstd file",
}


def unpacked(data: bytes, limits: Limits = LIMITS) -> bytes:
    """The content of a plain or gzip file. Raises DeliveryRefused for nothing, too much, broken or another kind."""
    if not data:
        raise DeliveryRefused("empty_file", "The file is empty", "Send it again")
    if len(data) > limits.bytes_received:
        raise DeliveryRefused(
            "too_large", f"The file has {len(data)} bytes, more than {limits.bytes_received}", "Send it in parts"
        )
    if data.startswith(GZIP):
        data = _gunzipped(data, limits)
    for magic, kind in OTHER_KINDS.items():
        if data.startswith(magic):
            raise DeliveryRefused("wrong_kind", f"This is {kind}", "Save it as CSV (UTF-8, semicolons) and send that")
    if data.startswith(GZIP):
        raise DeliveryRefused("wrong_kind", "This is a gzip file inside a gzip file", "Pack it once")
    if not data.strip():
        raise DeliveryRefused("empty_file", "The file holds nothing but blank lines", "Send it again")
    return data


def _gunzipped(data: bytes, limits: Limits) -> bytes:
    out = io.BytesIO()
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(data)) as stream:
            while chunk := stream.read(1 << 20):
                out.write(chunk)
                size = out.tell()
                swollen = size > RATIO_MATTERS_FROM and size > limits.ratio * len(data)
                if size > limits.bytes_unpacked or swollen:
                    raise DeliveryRefused(
                        "gzip_bomb", "The gzip file unpacks to far more than it should", "Check it and send it again"
                    )
    except (EOFError, OSError, zlib.error) as error:
        raise DeliveryRefused("broken_gzip", f"The gzip file is broken ({error})", "Send it again") from error
    return out.getvalue()


def as_far_as_possible(data: bytes, most: int = RATIO_MATTERS_FROM) -> bytes:
    """What can be read of a file that is refused, to look for personal data in it."""
    if not data.startswith(GZIP):
        return data
    reader = zlib.decompressobj(wbits=31)
    try:
        return reader.decompress(data, most)
    except zlib.error:
        return data


def decode(data: bytes, declared: str) -> tuple[str, str]:
    """Text by BOM, then strict UTF-8, then the declared encoding; never with replacement characters."""
    if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) or data[:200].count(0) > 20:
        raise DeliveryRefused("wrong_encoding", "The file is UTF-16", "Save it as UTF-8 and send it again")
    if data.startswith(codecs.BOM_UTF8):
        data = data[len(codecs.BOM_UTF8) :]
    for encoding in dict.fromkeys(("utf-8", declared)):
        try:
            return data.decode(encoding), encoding
        except UnicodeDecodeError as error:
            problem = error
    line = data.count(b"\n", 0, problem.start) + 1
    raise DeliveryRefused(
        "unreadable_bytes",
        f"Line {line} holds bytes that are not {declared.upper()}",
        "Save the file as UTF-8 and send it again",
    )
