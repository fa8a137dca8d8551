"""Decompression that does not fill the memory, whatever a file claims."""

import zlib

MOST = 2**30  # bytes that a file may unpack to; no published one has a quarter of it


def inflate(packed: bytes | memoryview, wbits: int, most: int = MOST) -> bytes:
    """Decompress a stream of deflate.

    Args:
        packed: the stream.
        wbits: its wrapping, as zlib has it.
        most: the bytes of its content, at most.

    Raises:
        ValueError: it is damaged, cut short, or larger.
    """
    engine = zlib.decompressobj(wbits)
    try:
        content = engine.decompress(packed, most + 1)
    except zlib.error as error:
        raise ValueError(f"it cannot be decompressed ({error})") from error
    if len(content) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    if not engine.eof:
        raise ValueError("it cannot be decompressed (it ends too early)")
    return content
