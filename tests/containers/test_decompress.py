"""Compressed streams: several members, cut off, damaged, and bombs."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest
import zstandard

from lapwing.containers.decompress import FREE_BYTES, decompress
from lapwing.errors import UnreadableInput

Pack = Callable[[bytes], bytes]
DATA = b"".join(b'{"id":%d,"text":"number %d"}\n' % (number, number * 7919 % 10007) for number in range(20_000))
PACKS: dict[str, Pack] = {"gzip": gzip.compress, "zstd": zstandard.ZstdCompressor().compress}
pack_each = pytest.mark.parametrize("pack", PACKS.values(), ids=PACKS)


def unpacked(data: bytes, size: int = 65_536) -> bytes:
    return b"".join(decompress(data[at : at + size] for at in range(0, len(data), size)))


def until_trouble(chunks: list[bytes]) -> tuple[list[bytes], str]:
    """What came out before it raised, and what it said."""
    parts: list[bytes] = []
    try:
        for part in decompress(chunks):
            parts.append(part)  # noqa: PERF402  # extend would lose them when it raises
    except UnreadableInput as error:
        return parts, str(error)
    return parts, "no trouble"


@pack_each
@pytest.mark.parametrize("size", [1, 1000, 1 << 20])
def test_members_one_after_another_are_one_stream(pack: Pack, size: int) -> None:
    packed = pack(DATA[:5000]) + pack(b"") + pack(DATA[5000:9000])
    assert unpacked(packed, size) == DATA[:9000]


def test_what_is_not_compressed_is_passed_on() -> None:
    assert unpacked(DATA, 7000) == DATA
    assert unpacked(b"") == b""
    assert unpacked(b"\x1f") == b"\x1f"


@pack_each
def test_a_stream_that_is_cut_off_gives_what_could_be_read_and_then_says_so(pack: Pack) -> None:
    packed = pack(DATA)
    for length in (len(packed) // 2, len(packed) - 1):
        parts, why = until_trouble([packed[:length]])
        assert DATA.startswith(b"".join(parts))
        assert b"".join(parts)
        assert "cut off" in why


@pack_each
def test_a_damaged_stream_says_so(pack: Pack) -> None:
    packed = bytearray(pack(DATA))
    packed[len(packed) // 2 :] = b"\xff" * 100
    with pytest.raises(UnreadableInput, match=r"damaged|cut off"):
        unpacked(bytes(packed))
    with pytest.raises(UnreadableInput, match="damaged"):
        unpacked(pack(DATA) + b"garbage behind it")


@pack_each
def test_a_bomb_is_stopped_early(pack: Pack) -> None:
    packed = pack(bytes(160 << 20))
    parts, why = until_trouble([packed[at : at + 4096] for at in range(0, len(packed), 4096)])
    assert sum(map(len, parts)) <= FREE_BYTES + (40 << 20)
    assert "decompression bomb" in why


def test_posts_that_repeat_themselves_are_no_bomb() -> None:
    packed = gzip.compress(DATA * 110, 1)
    assert sum(map(len, decompress([packed]))) == 110 * len(DATA) > FREE_BYTES


def test_padding_and_skippable_frames_hold_nothing() -> None:
    assert unpacked(gzip.compress(DATA) + bytes(1000)) == DATA
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    assert unpacked(skippable + PACKS["zstd"](DATA) + skippable) == DATA


def test_a_window_that_is_too_large_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=28, compression_level=1)
    packer = zstandard.ZstdCompressor(compression_params=parameters).compressobj()
    packed = packer.compress(DATA) + packer.flush()
    with pytest.raises(UnreadableInput, match="damaged"):
        unpacked(packed)
