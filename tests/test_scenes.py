"""Scenes: the image in its place, pieces of other images, nothing else."""

import collections

import numpy as np
import oracles
import pytest

from glimpse_env.datasets import ArrayDataset
from glimpse_env.scenes import Composer


def dataset(images):
    return ArrayDataset(images=images, labels=np.zeros(len(images), np.int64), num_classes=1)


def compose(composer, images, indices, draws, **arguments):
    scenes = np.full((len(indices), composer.height, composer.width, images.shape[3]), 77, np.uint8)  # must be wiped
    composer.compose(scenes, np.arange(len(indices)), dataset(images), np.asarray(indices), draws, **arguments)
    return scenes


def draws_of(composer, n, seed=0):
    return np.random.default_rng(seed).random((n, composer.num_draws))


def constant(values, size=(10, 10), channels=1):
    """Images of one value each."""
    return np.tile(np.array(values, np.uint8)[:, None, None, None], (1, *size, channels))


def box_of(mask):
    """top, bottom, left, right of the True pixels, ends excluded."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return rows[0], rows[-1] + 1, columns[0], columns[-1] + 1


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("translate", [False, True])
@pytest.mark.parametrize("num_clutter", [0, 1, 4, 9])
def test_equals_the_oracle(channels, translate, num_clutter):
    rng = np.random.default_rng(num_clutter)
    images = rng.integers(0, 256, (5, 9, 11, channels), np.uint8)
    composer = Composer(17, 23, translate, num_clutter, clutter_size=6)
    indices, draws = rng.integers(0, 5, 40), draws_of(composer, 40)
    for scene, index, draw in zip(compose(composer, images, indices, draws), indices, draws, strict=True):
        np.testing.assert_array_equal(scene, oracles.compose(images, index, draw, 17, 23, translate, num_clutter, 6))


@pytest.mark.parametrize(
    ("size", "scene", "top", "left"),
    [((4, 4), (4, 4), 0, 0), ((4, 4), (10, 10), 3, 3), ((4, 4), (9, 11), 2, 3), ((2, 6), (8, 6), 3, 0)],
)
def test_center(size, scene, top, left):
    images = np.arange(1, 1 + size[0] * size[1], dtype=np.uint8).reshape(1, *size, 1)
    made = compose(Composer(*scene), images, [0], np.full((1, 2), 0.99))[0]
    np.testing.assert_array_equal(made[top : top + size[0], left : left + size[1]], images[0])
    assert np.count_nonzero(made) == size[0] * size[1]  # black elsewhere


def test_places_are_where_the_images_lie():
    images = np.full((2, 3, 4, 1), 9, np.uint8)
    for translate in (False, True):
        composer = Composer(20, 30, translate)
        scenes = np.zeros((50, 20, 30, 1), np.uint8)
        places = composer.compose(scenes, np.arange(50), dataset(images), np.zeros(50, int), draws_of(composer, 50))
        for scene, (x, y) in zip(scenes[..., 0], places, strict=True):
            assert box_of(scene > 0) == (y, y + 3, x, x + 4)


def test_translated_to_every_place_equally_often_and_never_cut():
    images = np.arange(1, 13, dtype=np.uint8).reshape(1, 3, 4, 1)
    composer = Composer(6, 9, translate=True)
    places = collections.Counter()
    for scene in compose(composer, images, [0] * 4800, draws_of(composer, 4800)):
        top, bottom, left, right = box_of(scene[..., 0] > 0)
        np.testing.assert_array_equal(scene[top:bottom, left:right], images[0])
        places[top, left] += 1
    assert set(places) == {(top, left) for top in range(4) for left in range(6)}  # all edges are reached
    assert all(140 < n < 260 for n in places.values())  # 200 on average, 14 a standard deviation


@pytest.mark.parametrize("draw", [0.0, np.nextafter(1.0, 0.0)])
def test_extreme_draws_stay_inside(draw):
    images = constant([200, 10], (28, 28))
    composer = Composer(60, 60, True, 3)
    scene = compose(composer, images, [0], np.full((1, composer.num_draws), draw))[0, ..., 0]
    edge = 0 if draw == 0 else 60 - 28
    assert box_of(scene > 0) == (edge, edge + 28, edge, edge + 28)
    assert scene.max() == 200 + 3 * 10


def test_clutter_is_an_8x8_crop_of_any_other_image_anywhere():
    own, others = 100, [1, 2, 3, 4]
    images = constant([*others[:2], own, *others[2:]])
    composer = Composer(15, 16, num_clutter=1)
    seen, places = collections.Counter(), set()
    for scene in compose(composer, images, [2] * 4000, draws_of(composer, 4000)):
        rest = scene[..., 0].copy()
        top, left = (15 - 10) // 2, (16 - 10) // 2
        assert (rest[top : top + 10, left : left + 10] >= own).all()  # added, not painted over
        rest[top : top + 10, left : left + 10] -= own
        top, bottom, left, right = box_of(rest > 0)
        assert (bottom - top, right - left) == (8, 8)
        assert (rest[top:bottom, left:right] == rest[top, left]).all()
        seen[int(rest[top, left])] += 1
        places.add((top, left))
    assert set(seen) == set(others)  # never its own image
    assert all(850 < n < 1150 for n in seen.values())  # 1000 on average, 27 a standard deviation
    assert places == {(top, left) for top in range(15 - 8 + 1) for left in range(16 - 8 + 1)}


def test_clutter_is_cut_anywhere_of_the_other_image():
    images = np.zeros((2, 10, 10, 1), np.uint8)
    images[1, ..., 0] = np.arange(1, 101).reshape(10, 10)
    composer = Composer(30, 30, num_clutter=1)
    cuts = set()
    for scene in compose(composer, images, [0] * 300, draws_of(composer, 300)):
        top, bottom, left, right = box_of(scene[..., 0] > 0)
        y, x = divmod(int(scene[top, left, 0]) - 1, 10)
        np.testing.assert_array_equal(scene[top:bottom, left:right], images[1, y : y + 8, x : x + 8])
        cuts.add((y, x))
    assert cuts == {(y, x) for y in range(3) for x in range(3)}


@pytest.mark.parametrize("index", [0, 1, 2])
def test_own_image_is_never_cut_whatever_its_index(index):
    images = constant([0 if n == index else 50 for n in range(3)])
    images[index] = 200
    composer = Composer(10, 10, num_clutter=1, clutter_size=10)
    scenes = compose(composer, images, [index] * 200, draws_of(composer, 200))
    assert (scenes == 250).all()


def test_pieces_add_up_and_clip():
    composer = Composer(10, 10, num_clutter=3, clutter_size=10)
    assert (compose(composer, constant([20, 30]), [0], draws_of(composer, 1)) == 110).all()
    assert (compose(composer, constant([20, 200]), [0], draws_of(composer, 1)) == 255).all()
    assert (compose(composer, constant([255, 255]), [0], draws_of(composer, 1)) == 255).all()


def test_piece_keeps_its_colors():
    images = np.zeros((2, 8, 8, 3), np.uint8)
    images[1] = (10, 200, 30)
    composer = Composer(20, 20, num_clutter=1)
    scene = compose(composer, images, [0], draws_of(composer, 1))[0]
    assert (scene[scene.any(axis=2)] == (10, 200, 30)).all()
    assert scene.any(axis=2).sum() == 64


def test_only_the_rows_asked_for_are_made():
    composer = Composer(6, 6, True)
    images = constant([9, 8], (3, 3))
    scenes = np.full((4, 6, 6, 1), 77, np.uint8)
    composer.compose(scenes, np.array([3, 1]), dataset(images), np.array([0, 1]), draws_of(composer, 2))
    assert (scenes[[0, 2]] == 77).all()
    assert set(np.unique(scenes[3])) == {0, 9}
    assert set(np.unique(scenes[1])) == {0, 8}


@pytest.mark.parametrize("num_threads", [1, 2, 5])
def test_deterministic_and_blind_to_threads(num_threads):
    rng = np.random.default_rng(3)
    images = rng.integers(0, 256, (4, 12, 12, 1), np.uint8)
    composer = Composer(20, 20, True, 4)
    draws, before = draws_of(composer, 13), images.copy()
    first = compose(composer, images, np.arange(13) % 4, draws)
    np.testing.assert_array_equal(compose(composer, images, np.arange(13) % 4, draws, num_threads=num_threads), first)
    np.testing.assert_array_equal(images, before)


VARIATIONS = [
    {"rotation": 30.0},
    {"scale": 1.5},
    {"shear": 0.4},
    {"shift": 2.5},
    {"contrast": 0.7},
    {"rotation": 180.0, "scale": 2.0, "shear": 0.2, "shift": 1.0, "contrast": 0.3},
]


@pytest.mark.parametrize("variation", VARIATIONS, ids=lambda variation: ", ".join(variation))
@pytest.mark.parametrize("channels", [1, 2])
def test_variations_equal_the_oracle(channels, variation):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (3, 7, 8, channels), np.uint8)
    composer = Composer(7, 8, **variation)
    indices, draws = rng.integers(0, 3, 30), draws_of(composer, 30)
    none = {"rotation": 0, "scale": 1, "shear": 0, "shift": 0, "contrast": 0}
    for scene, index, draw in zip(compose(composer, images, indices, draws), indices, draws, strict=True):
        expected = oracles.vary(images[index], **{**none, **variation}, draws=draw[2:])
        assert np.abs(scene - expected).max() <= 0.5 + 1e-9


def test_a_quarter_turn_and_a_whole_shift_are_exact():
    images = np.random.default_rng(0).integers(0, 256, (1, 9, 9, 1), np.uint8)
    one, half = 1.0, 0.5
    turned = compose(Composer(9, 9, rotation=90), images, [0], np.array([[0, 0, one, half, half, half, half, half, 0]]))[0]
    np.testing.assert_array_equal(turned[..., 0], np.rot90(images[0, ..., 0], -1))  # clockwise, since y points down
    shifted = compose(Composer(9, 9, shift=2), images, [0], np.array([[0, 0, half, half, half, half, one, 0, 0]]))[0]
    np.testing.assert_array_equal(shifted[:-2, 2:], images[0][2:, :-2])
    assert not shifted[-2:].any()
    assert not shifted[:, :2].any()


def test_variations_leave_place_and_clutter_as_they_are():
    images = np.random.default_rng(0).integers(1, 120, (4, 8, 8, 1), np.uint8)
    plain, dimmed = Composer(30, 30, True, 5, 4), Composer(30, 30, True, 5, 4, contrast=1.0)
    draws = draws_of(dimmed, 20)
    draws[:, -1] = 1 - 1e-9  # black images: clutter alone
    one = compose(plain, images, np.zeros(20, int), draws[:, : plain.num_draws])
    other = compose(dimmed, images, np.zeros(20, int), draws)
    alone = compose(Composer(30, 30, True), images, np.zeros(20, int), draws[:, :2])
    np.testing.assert_array_equal(one, np.minimum(other.astype(int) + alone, 255))


# Noise.


@pytest.mark.parametrize("std", [0.05, 0.08, 0.11])  # of which hardly anything is clipped
def test_noise_is_gaussian_on_every_pixel_and_independent(std):
    images = constant([128], (64, 50), 3)
    composer = Composer(64, 50, noise=std)
    scenes = compose(composer, images, [0] * 20, draws_of(composer, 20)).astype(float)
    noise = (scenes - 128) / 255
    assert abs(noise.mean()) < 4 * std / np.sqrt(noise.size) + 0.5 / 255 / 10
    assert noise.std() == pytest.approx(std, rel=0.02)
    assert (np.abs(noise) < std).mean() == pytest.approx(0.683, abs=0.03)
    for one, other in (
        (noise[:, :-1], noise[:, 1:]),
        (noise[:, :, :-1], noise[:, :, 1:]),
        (noise[..., :-1], noise[..., 1:]),
        (noise[:-1], noise[1:]),
    ):
        assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02


def test_noise_depends_on_its_own_draw_alone_and_moves_nothing_else():
    images = np.random.default_rng(0).integers(0, 256, (5, 9, 11, 3), np.uint8)
    without = Composer(17, 23, True, 3, clutter_size=6, rotation=30)
    composer = Composer(17, 23, True, 3, clutter_size=6, rotation=30, noise=0.01)
    assert composer.num_draws == without.num_draws + 1
    draws = draws_of(composer, 10)
    scenes = compose(composer, images, [1] * 10, draws)
    clean = compose(without, images, [1] * 10, draws[:, :-1])
    assert (np.abs(scenes.astype(int) - clean).max(axis=(1, 2, 3)) > 0).all()
    assert np.abs(scenes.astype(int) - clean).max() <= 10  # four deviations
    np.testing.assert_array_equal(compose(composer, images, [1] * 10, draws, num_threads=3), scenes)
    draws[:, -1] = draws[0, -1]
    added = compose(composer, constant([99]), [0] * 10, draws) - compose(without, constant([99]), [0] * 10, draws[:, :-1])
    assert added.any()


def test_noise_clips():
    for value in (0, 255):
        composer = Composer(10, 10, noise=1.0)
        scene = compose(composer, constant([value]), [0], draws_of(composer, 1))
        assert (scene == value).mean() > 0.4
        assert {0, 255} <= set(np.unique(scene))
