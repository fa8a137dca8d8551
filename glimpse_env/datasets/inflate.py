"""Decompression with a limit on the output size."""

import zlib

MOST = 2**30  # bytes that a file may unpack to, over four times the largest published file


def inflate(packed: bytes | memoryview, wbits: int, most: int = MOST) -> bytes:
    """Decompress a deflate stream.

    Args:
        packed: the stream.
        wbits: its container, as in zlib.
        most: the most bytes that it may unpack to.

    Raises:
        ValueError: the stream is damaged, truncated or too large.
    """
    engine = zlib.decompressobj(wbits)
    try:
        content = engine.decompress(packed, most + 1)
    except zlib.error as error:
        raise ValueError(f"it cannot be decompressed ({error})") from error
    if len(content) > most:
        raise ValueError(f"it unpacks to more than {most:,} bytes")
    if not engine.eof:
        raise ValueError("it cannot be decompressed (it is truncated)")
    return content
