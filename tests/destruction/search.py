"""Searches every byte of every file under a folder for some patterns, also within what Kafka and ClickHouse compressed.

Kafka's segments are batches, each compressed as a whole; ClickHouse's columns, marks and indices are blocks, each
compressed by itself. Both are opened by their own headers. A file that is neither is searched as it is.
"""

import struct
from collections.abc import Iterator, Mapping
from pathlib import Path

import cramjam

_CHECKSUM_BYTES = 16
_BLOCK = struct.Struct("<BII")  # method, size with this head, size of the content
_NONE, _LZ4, _ZSTD = 0x02, 0x82, 0x90
_BLOCK_SUFFIXES = {".bin", ".cmrk", ".cmrk2", ".cmrk3", ".cmrk4", ".cidx"}
_BATCH = struct.Struct(">qi4xbi")  # first offset, length of the rest, version, checksum
_BATCH_HEAD_BYTES = 61
_LENGTH_ENDS_AT, _ATTRIBUTES_AT = 12, 21

Hits = dict[str, list[Path]]
Patterns = Mapping[str, tuple[bytes, ...]]


def search(folder: Path, patterns: Patterns) -> Hits:
    """For each name the files, relative to `folder`, in which one of its patterns is. Files may come and go meanwhile.

    Raises OSError when a file that is there cannot be read, ValueError when a pattern ends in a zero: files are
    searched without the zeros at their end, which is most of what Kafka preallocates.
    """
    if any(spelling.endswith(b"\0") for spellings in patterns.values() for spelling in spellings):
        raise ValueError("a pattern that ends in a zero would be missed at the end of a file")
    hits: Hits = {name: [] for name in patterns}
    for file in sorted(folder.rglob("*")):
        if file.is_symlink() or not file.is_file():
            continue
        try:
            contents = list(contents_of(file))
        except FileNotFoundError:
            continue
        for name, spellings in patterns.items():
            if any(spelling in content for spelling in spellings for content in contents):
                hits[name].append(file.relative_to(folder))
    return hits


def contents_of(file: Path) -> Iterator[bytes]:
    """The bytes of a file but for zeros at its end, then what can be decompressed of them."""
    content = file.read_bytes()
    yield content.rstrip(b"\0")
    if file.suffix in _BLOCK_SUFFIXES:
        yield b"".join(_blocks(content))
    if ".log" in file.suffixes:
        yield from _batches(content)


def _blocks(content: bytes) -> Iterator[bytes]:
    at = 0
    while at + _CHECKSUM_BYTES + _BLOCK.size <= len(content):
        method, size, content_size = _BLOCK.unpack_from(content, at + _CHECKSUM_BYTES)
        body = content[at + _CHECKSUM_BYTES + _BLOCK.size : at + _CHECKSUM_BYTES + size]
        if method == _LZ4:
            yield bytes(cramjam.lz4.decompress_block(body, output_len=content_size))
        elif method == _ZSTD:
            yield bytes(cramjam.zstd.decompress(body))
        elif method == _NONE:
            yield body
        else:  # a codec that is not one of these: nothing here writes it, so nothing may be passed over
            raise ValueError(f"unknown compression method {method:#x}")
        at += _CHECKSUM_BYTES + size


def _batches(content: bytes) -> Iterator[bytes]:
    """Compressed batches of a segment; a log file of text ends this at its first line."""
    at = 0
    while at + _BATCH_HEAD_BYTES <= len(content):
        _, length, version, _ = _BATCH.unpack_from(content, at)
        end = at + _LENGTH_ENDS_AT + length
        if version != 2 or length <= 0 or end > len(content):
            return
        codec = struct.unpack_from(">h", content, at + _ATTRIBUTES_AT)[0] & 0x07
        body = content[at + _BATCH_HEAD_BYTES : end]
        if codec:
            yield _decompress(codec, body)
        at = end


def _decompress(codec: int, body: bytes) -> bytes:
    if codec == 1:
        return bytes(cramjam.gzip.decompress(body))
    if codec == 2:
        return bytes(cramjam.snappy.decompress_raw(body))
    return bytes(cramjam.lz4.decompress(body) if codec == 3 else cramjam.zstd.decompress(body))
