"""Contract 3: the retina computes what its docstring says, pixel for pixel."""

import numpy as np
import oracles
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glimpse_env import Retina


def scenes_of(rng, B, H, W, C):
    return rng.integers(0, 256, (B, H, W, C), np.uint8)


def assert_is_oracle(retina, scenes, locations, **arguments):
    glimpses = retina(scenes, locations, **arguments)
    assert glimpses.dtype == np.float32
    for scene, location, glimpse in zip(scenes, locations, glimpses, strict=True):
        expected = oracles.look(scene, location, retina.patch_size, retina.num_scales, retina.scale_factor)
        np.testing.assert_array_equal(glimpse, expected, err_msg=f"{retina} at {location} of {scene.shape}")


@st.composite
def looks(draw):
    factor = draw(st.sampled_from([2, 2, 3, 5]))
    retina = Retina(draw(st.integers(1, 7)), draw(st.integers(1, 3 if factor < 5 else 2)), factor)
    H, W, C = draw(st.integers(1, 24)), draw(st.integers(1, 24)), draw(st.integers(1, 3))
    # On pixel corners and middles, where rounding decides; on a fine grid; and off the scene.
    x = st.integers(0, 2 * W).map(lambda n: n / W - 1) | st.integers(-(2**20), 2**20).map(lambda n: n / 2**20)
    y = st.integers(0, 2 * H).map(lambda n: n / H - 1) | st.floats(-4, 4).map(lambda v: round(v * 2**20) / 2**20)
    locations = np.array(draw(st.lists(st.tuples(x, y), min_size=1, max_size=3)), np.float32)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return retina, scenes_of(rng, len(locations), H, W, C), locations


@given(looks())
@settings(deadline=None, max_examples=400, derandomize=True)
def test_equals_the_oracle(look):
    assert_is_oracle(*look)


@pytest.mark.parametrize(("H", "W"), [(28, 28), (60, 60), (37, 91), (91, 37)])
@pytest.mark.parametrize(("patch_size", "num_scales", "scale_factor"), [(8, 1, 2), (7, 2, 3), (12, 3, 2), (5, 4, 2), (2, 3, 4)])
def test_equals_the_oracle_at_real_sizes(H, W, patch_size, num_scales, scale_factor):
    rng = np.random.default_rng(H)
    locations = np.array([(-1, -1), (1, 1), (-1, 1), (0, 0), (-3, 1.5), *rng.uniform(-1, 1, (2, 2))], np.float32)
    C = 3 if H == 28 else 1
    assert_is_oracle(Retina(patch_size, num_scales, scale_factor), scenes_of(rng, len(locations), H, W, C), locations)


def test_coarsest_cell_sums_white_without_overflow():
    white = np.full((1, 300, 300, 1), 255, np.uint8)
    glimpses = Retina(1, 9)(white, np.zeros((1, 2), np.float32))
    np.testing.assert_array_equal(glimpses, np.ones((1, 9, 1, 1), np.float32))


@pytest.mark.parametrize("patch_size", [4, 5])
def test_center_and_corners_by_hand(patch_size):
    scene = np.arange(100, dtype=np.uint8).reshape(1, 10, 10, 1)

    def look(x, y):
        return np.rint(Retina(patch_size)(scene, np.array([(x, y)], np.float32))[0, 0] * 255).astype(np.uint8)

    grid, half = scene[0, :, :, 0], patch_size // 2
    np.testing.assert_array_equal(look(0, 0), grid[5 - half : 5 - half + patch_size, 5 - half : 5 - half + patch_size])
    top_left, bottom_right = look(-1, -1), look(1, 1)
    np.testing.assert_array_equal(top_left[half:, half:], grid[: patch_size - half, : patch_size - half])
    assert not top_left[:half].any()
    assert not top_left[:, :half].any()
    np.testing.assert_array_equal(bottom_right[:half, :half], grid[10 - half :, 10 - half :])
    assert not bottom_right[half:].any()
    assert not bottom_right[:, half:].any()


@pytest.mark.parametrize("x", [-0.99, -0.52, -0.13, 0.11, 0.98])
def test_odd_patch_is_centered_on_the_pixel_that_holds_the_point(x):
    scene = np.arange(40, dtype=np.uint8).reshape(1, 1, 40, 1).repeat(9, axis=1)
    middle = Retina(3)(scene, np.array([(x, 0)], np.float32))[0, 0, 1, 1] * 255
    assert round(float(middle)) == int((x + 1) / 2 * 40)


@pytest.mark.parametrize("location", [(-40, 0), (40, 0), (0, -40), (0, 40), (1e4, -1e4)])
def test_zeros_outside_the_scene(location):
    white = np.full((1, 9, 11, 2), 255, np.uint8)
    assert not Retina(3, 3)(white, np.array([location], np.float32)).any()


def test_finest_scale_first_and_channels_within_a_scale():
    scene = np.zeros((1, 32, 32, 3), np.uint8)
    scene[0, 12:20, 12:20] = (51, 102, 255)  # fills the finest patch, a quarter of the next, a sixteenth of the last
    glimpse = Retina(8, 3)(scene, np.zeros((1, 2), np.float32))[0]
    np.testing.assert_allclose(glimpse.mean(axis=(1, 2)), np.outer([1, 1 / 4, 1 / 16], [0.2, 0.4, 1]).ravel(), rtol=1e-6)


def test_corners_are_where_it_looks():
    scene = np.zeros((1, 37, 91, 1), np.uint8)
    retina, location = Retina(4, 2, 3), np.array([0.3, -0.4], np.float32)
    assert retina.sizes == [4, 12]
    for k, (x, y) in enumerate(retina.corners(location, 37, 91)):
        lit = scene.copy()
        lit[0, y, x] = 255
        glimpse = retina(lit, location[None])[0, k]
        assert glimpse[0, 0] > 0
        assert np.count_nonzero(glimpse) == 1


@pytest.mark.parametrize("num_threads", [2, 3, 4, 16])
def test_thread_count_is_irrelevant(num_threads):
    rng = np.random.default_rng(0)
    scenes, locations = scenes_of(rng, 11, 20, 30, 2), rng.uniform(-1, 1, (11, 2)).astype(np.float32)
    retina = Retina(6, 3)
    np.testing.assert_array_equal(retina(scenes, locations, num_threads=num_threads), retina(scenes, locations))


def test_scenes_and_locations_are_left_alone_and_the_glimpses_are_new():
    rng = np.random.default_rng(0)
    scenes, locations = scenes_of(rng, 3, 20, 20, 1), rng.uniform(-1, 1, (3, 2)).astype(np.float32)
    before = scenes.copy(), locations.copy()
    first = Retina(4)(scenes, locations)
    assert not np.shares_memory(first, Retina(4)(scenes, locations))
    np.testing.assert_array_equal(scenes, before[0])
    np.testing.assert_array_equal(locations, before[1])


def test_numpy_integers_do_not_overflow():
    retina = Retina(np.uint8(200), np.int8(3), np.int8(16))
    assert retina.sizes == [200, 3200, 51_200]


@pytest.mark.parametrize(
    ("scenes", "locations"),
    [
        (np.zeros((2, 9, 9, 1), np.float32), np.zeros((2, 2), np.float32)),
        (np.zeros((2, 9, 9), np.uint8), np.zeros((2, 2), np.float32)),
        (np.zeros((2, 9, 9, 1), np.uint8), np.zeros((1, 2), np.float32)),
        (np.zeros((2, 9, 9, 1), np.uint8), np.zeros((2, 3), np.float32)),
        (np.zeros((2, 9, 9, 1), np.uint8), np.zeros((2, 2))),
    ],
)
def test_arrays_that_it_would_read_beyond_are_refused(scenes, locations):
    with pytest.raises(ValueError, match=r"scenes must be \(B, H, W, C\) uint8 and locations \(B, 2\) float32, got"):
        Retina(3)(scenes, locations)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"patch_size": 0}, "patch_size must be from 1 to 32768, got 0"),
        ({"patch_size": -3}, "patch_size must be from 1 to 32768, got -3"),
        ({"patch_size": 8.0}, r"patch_size must be an integer, got 8\.0"),
        ({"patch_size": "8"}, r"patch_size .* got '8'"),
        ({"patch_size": True}, r"patch_size .* got True"),
        ({"patch_size": 8, "num_scales": 0}, "num_scales must be from 1 to 32768, got 0"),
        ({"patch_size": 8, "scale_factor": 1}, "scale_factor must be from 2 to 32768, got 1"),
        ({"patch_size": 8, "scale_factor": float("nan")}, r"scale_factor .* got nan"),
        ({"patch_size": 2**70}, "patch_size must be from 1 to 32768"),
        ({"patch_size": 8, "num_scales": 10**12}, "num_scales must be from 1 to 32768"),
        ({"patch_size": 8, "num_scales": 30_000, "scale_factor": 30_000}, "fewer scales"),
        ({"patch_size": 8, "num_scales": 10}, r"num_scales=10 .* 512 .* fewer scales"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Retina(**arguments)
