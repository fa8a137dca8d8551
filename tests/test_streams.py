"""The random stream: Philox as published, uniform, and each row a function of its own seed and episode."""

import numpy as np
import pytest

from glimpse_env.streams import philox, uniforms

ONES = 0xFFFFFFFF


@pytest.mark.parametrize(  # philox4x32 10 of Random123's kat_vectors
    ("counter", "key", "answer"),
    [
        ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
        ([ONES] * 4, [ONES] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0],
            [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
        ),
    ],
)
def test_philox_known_answers(counter, key, answer):
    words = philox(*(np.uint64(word) for word in counter + key))
    assert [int(word) for word in words] == answer


def u64(*values):
    return np.array(values, np.uint64)


def test_uniforms_are_53_bits_of_two_words():
    w0, w1, w2, w3 = (int(w) for w in philox(*u64(1, 0, 7, 9, 5, 3)))
    draws = uniforms(u64(3 * 2**32 + 5), u64(9 * 2**32 + 7), 4)
    assert draws[0, 2] == ((w0 << 32 | w1) >> 11) / 2**53
    assert draws[0, 3] == ((w2 << 32 | w3) >> 11) / 2**53


@pytest.mark.parametrize("axis", ["seed", "episode", "draw"])
def test_uniform_along_seeds_episodes_and_draws(axis):
    n = 40_000
    count, zeros = np.arange(n, dtype=np.uint64), np.zeros(n, np.uint64)
    draws = {
        "seed": lambda: uniforms(count, zeros, 2)[:, 1],
        "episode": lambda: uniforms(zeros, count, 2)[:, 1],
        "draw": lambda: uniforms(u64(0), u64(0), n)[0],
    }[axis]()
    assert draws.min() >= 0
    assert draws.max() < 1
    assert abs(draws.mean() - 1 / 2) < 4 / np.sqrt(12 * n)
    assert abs(draws.var() - 1 / 12) < 4 / np.sqrt(180 * n)
    assert abs(np.corrcoef(draws[1:], draws[:-1])[0, 1]) < 4 / np.sqrt(n)
    chi_square = ((np.histogram(draws, 100, (0, 1))[0] - n / 100) ** 2 / (n / 100)).sum()
    assert 50 < chi_square < 160  # 99 degrees of freedom


def test_a_row_does_not_depend_on_its_batch():
    seeds, episodes = u64(3, 3, 4, 0, 2**63 + 1), u64(0, 1, 0, 2**40, 7)
    together = uniforms(seeds, episodes, 7)
    for b in range(5):
        np.testing.assert_array_equal(together[b], uniforms(seeds[b : b + 1], episodes[b : b + 1], 7)[0])


def test_more_draws_leave_the_first_ones_alone():
    for n in range(1, 8):
        np.testing.assert_array_equal(uniforms(u64(5), u64(6), n), uniforms(u64(5), u64(6), 9)[:, :n])


def test_every_bit_of_seed_and_episode_counts():
    bits = np.array([1 << n for n in range(64)], np.uint64)
    zeros = np.zeros(64, np.uint64)
    first = np.concatenate([uniforms(u64(0), u64(0), 1), uniforms(bits, zeros, 1), uniforms(zeros, bits, 1)])
    assert len(np.unique(first)) == 1 + 2 * 64
