"""The random stream of an episode: counter-based, so that it depends on its seed and number alone.

Philox4x32-10 (Salmon et al., *Parallel random numbers: as easy as 1, 2, 3*, SC 2011) turns a key and a counter into random
bits. The key is the seed of the environment, the counter the number of the episode and of the draw. Nothing is carried
over from draw to draw: no other environment, batch size or thread can move a number.
"""

import numpy as np
import numpy.typing as npt

from glimpse_env.jit import jit

_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


@jit
def philox(
    c0: np.uint64, c1: np.uint64, c2: np.uint64, c3: np.uint64, k0: np.uint64, k1: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Ten rounds of Philox4x32: four random 32-bit words (each in a uint64) from a counter and a key."""
    for _ in range(10):
        high = c0 * np.uint64(0xD2511F53)
        low = c2 * np.uint64(0xCD9E8D57)
        c0, c1, c2, c3 = (
            (low >> _SHIFT) ^ c1 ^ k0,
            low & _LOW,
            (high >> _SHIFT) ^ c3 ^ k1,
            high & _LOW,
        )
        k0 = (k0 + np.uint64(0x9E3779B9)) & _LOW
        k1 = (k1 + np.uint64(0xBB67AE85)) & _LOW
    return c0, c1, c2, c3


@jit
def uniforms(
    seeds: npt.NDArray[np.uint64], episodes: npt.NDArray[np.uint64], num_draws: int, stream: int = 0
) -> npt.NDArray[np.float64]:
    """Draw the random numbers of one episode for each environment.

    Args:
        seeds: (B,) uint64, the seed of each environment.
        episodes: (B,) uint64, the number of its episode since that seed was given.
        num_draws: the draws that an episode takes.
        stream: the number of the stream; streams share no numbers.

    Returns:
        (B, num_draws) float64, uniform in [0, 1), 53 bits each.
    """
    draws = np.empty((len(seeds), num_draws), np.float64)
    for b in range(len(seeds)):
        for i in range(0, num_draws, 2):
            w0, w1, w2, w3 = philox(
                np.uint64(i // 2),
                np.uint64(stream),
                episodes[b] & _LOW,
                episodes[b] >> _SHIFT,
                seeds[b] & _LOW,
                seeds[b] >> _SHIFT,
            )
            draws[b, i] = (((w0 << _SHIFT) | w1) >> np.uint64(11)) * 2.0**-53
            if i + 1 < num_draws:
                draws[b, i + 1] = (((w2 << _SHIFT) | w3) >> np.uint64(11)) * 2.0**-53
    return draws


@jit
def add_noise(
    rows: npt.NDArray[np.int64],
    draws: npt.NDArray[np.float64],
    scenes: npt.NDArray[np.uint8],
    noises: npt.NDArray[np.int16],
) -> None:
    """Add noise to the values of some rows of scenes, clipped to [0, 255]; four words of a stream give eight values.

    Args:
        rows: (b,) int64, the rows to change.
        draws: (b,) float64, uniform in [0, 1), the key of each row's stream.
        scenes: (B, H, W*C) uint8, changed in those rows.
        noises: (n,) int16, the equally likely values to add; n divides 2**16.
    """
    words = np.empty(4, np.uint64)
    for b in range(len(rows)):
        key, values = np.uint64(draws[b] * 2.0**53), scenes[rows[b]].reshape(-1)
        for start in range(0, len(values), 8):
            words[:] = philox(np.uint64(start // 8), np.uint64(0), np.uint64(0), np.uint64(0), key & _LOW, key >> _SHIFT)
            for n in range(min(8, len(values) - start)):
                which = (words[n // 2] >> np.uint64(16 * (n % 2))) % np.uint64(len(noises))
                values[start + n] = min(max(np.int16(values[start + n]) + noises[which], 0), 255)
