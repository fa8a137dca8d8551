"""Contract 3 for the log-polar retina, and that it does all that the paper's does: canvas, pictures, wrappers, ids."""

import copy
import pickle

import gymnasium as gym
import numpy as np
import oracles
import pytest
from gymnasium.utils.env_checker import check_env
from hypothesis import given, settings
from hypothesis import strategies as st
from rollouts import actions_of

from glimpse_env import GlimpseEnv, GlimpseVectorEnv, LogPolarRetina, Retina, RetinaLike
from glimpse_env.rendering import Layout, draw
from glimpse_env.sight import foveate
from glimpse_env.wrappers import GlimpseWrapper, PersistenceOfVision, VectorFlattenObservation

RETINA = LogPolarRetina(6, 8, 10, 1.5)


def fields(retina):
    return retina.num_rings, retina.num_wedges, retina.radius, retina.fovea


@st.composite
def looks(draw):
    radius = draw(st.integers(2, 9))
    fovea = draw(st.sampled_from([0.3, 0.5, 1, 1.5]))
    retina = LogPolarRetina(draw(st.integers(2, 7)), draw(st.integers(1, 13)), radius, fovea)
    H, W, C = draw(st.integers(1, 24)), draw(st.integers(1, 24)), draw(st.integers(1, 3))
    x = st.integers(0, 2 * W).map(lambda n: n / W - 1) | st.integers(-(2**20), 2**20).map(lambda n: n / 2**20)
    y = st.integers(0, 2 * H).map(lambda n: n / H - 1) | st.floats(-4, 4).map(lambda v: round(v * 2**20) / 2**20)
    locations = np.array(draw(st.lists(st.tuples(x, y), min_size=1, max_size=3)), np.float32)
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    return retina, rng.integers(0, 256, (len(locations), H, W, C), np.uint8), locations


def assert_is_oracle(retina, scenes, locations, **arguments):
    glimpses = retina(scenes, locations, **arguments)
    assert glimpses.dtype == np.float32
    assert glimpses.shape[1:] == retina.shape(scenes.shape[3])
    for scene, location, glimpse in zip(scenes, locations, glimpses, strict=True):
        expected = oracles.look_in_rings(scene, location, *fields(retina))
        np.testing.assert_array_equal(glimpse, expected, err_msg=f"{retina} at {location} of {scene.shape}")


@given(looks())
@settings(deadline=None, max_examples=100, derandomize=True)
def test_equals_the_oracle(look):
    assert_is_oracle(*look)


@pytest.mark.parametrize(
    ("H", "W", "C", "retina"),
    [
        (37, 91, 1, LogPolarRetina(16, 24, 24)),
        (28, 28, 3, LogPolarRetina(12, 16, 20, 2.5)),
        (37, 91, 1, LogPolarRetina(30, 5, 13, 0.1)),
    ],
)
def test_equals_the_oracle_at_real_sizes(H, W, C, retina):
    rng = np.random.default_rng(H)
    locations = np.array([(-1, -1), (1, 1), (0, 0), (-3, 1.5), rng.uniform(-1, 1, 2)], np.float32)
    assert_is_oracle(retina, rng.integers(0, 256, (len(locations), H, W, C), np.uint8), locations)


@pytest.mark.parametrize("num_threads", [2, 3, 16])
def test_thread_count_is_irrelevant(num_threads):
    rng = np.random.default_rng(0)
    scenes, locations = rng.integers(0, 256, (11, 20, 30, 2), np.uint8), rng.uniform(-1, 1, (11, 2)).astype(np.float32)
    np.testing.assert_array_equal(RETINA(scenes, locations, num_threads=num_threads), RETINA(scenes, locations))


def test_white_is_white_and_nothing_is_black():
    white = np.full((1, 99, 99, 2), 255, np.uint8)
    assert (LogPolarRetina(20, 30, 40, 0.2)(white, np.zeros((1, 2), np.float32)) == 1).all()
    assert not RETINA(white, np.float32([[40, 0]])).any()


def test_a_quarter_turn_shifts_the_wedges_and_a_ring_is_a_row():
    scene = np.random.default_rng(0).integers(0, 256, (1, 40, 40, 1), np.uint8)
    middle = np.zeros((1, 2), np.float32)
    turned = np.ascontiguousarray(np.rot90(scene, -1, (1, 2)))  # clockwise
    np.testing.assert_array_equal(RETINA(turned, middle), np.roll(RETINA(scene, middle), 2, axis=3))
    away = np.hypot(*(np.mgrid[:40, :40] - 19.5))
    disc = np.where(away < 1.5, 255, 0).astype(np.uint8)[None, :, :, None]
    glimpse = RETINA(disc, middle)[0, 0]
    assert (glimpse[0] == 1).all()
    assert not glimpse[1:].any()


def test_projection_shows_each_pixel_by_its_cell():
    scene = np.random.default_rng(0).integers(1, 256, (1, 31, 26, 2), np.uint8)
    where = np.float32([[0.3, -0.8]])
    glimpse = RETINA(scene, where)
    shown = RETINA.project(glimpse, where, (31, 26), np.array([[-3, -4]]), (40, 36))[0]
    expected = np.zeros_like(shown)
    found, areas = oracles.cells(*fields(RETINA))
    left, top = oracles.corner(where[0, 0], 26, 0) + 3, oracles.corner(where[0, 1], 31, 0) + 4
    for n, (pixels, _) in enumerate(found):
        ring, wedge = divmod(n, RETINA.num_wedges)
        for x, y in pixels:
            if 0 <= top + y < 40 and 0 <= left + x < 36:
                expected[:, top + y, left + x] = [*glimpse[0, :, ring, wedge], 1 / np.sqrt(max(1, areas[ring]))]
    np.testing.assert_allclose(shown, expected, rtol=1e-6)


@pytest.mark.parametrize("canvas", [9, 33, "scene"])
def test_canvas_keeps_the_sharpest_view(canvas):
    images = np.random.default_rng(0).integers(1, 256, (10, 6, 7, 3), np.uint8)
    arguments = {"translate": True, "scene_size": (20, 24), "num_glimpses": 4}
    envs = GlimpseVectorEnv(3, dataset=(images, np.arange(10)), retina=RETINA, canvas=canvas, **arguments)
    rng, (observation, _) = np.random.default_rng(1), envs.reset(seed=0)
    seen = [{} for _ in range(3)]
    for _ in range(4):
        for i, memory in enumerate(seen):
            glimpse, fixation = observation["glimpse"][i : i + 1], observation["fixation"][i : i + 1]
            x, y = (0, 0) if canvas == "scene" else (oracles.corner(fixation[0, n], (24, 20)[n], canvas) for n in range(2))
            h, w = observation["canvas"].shape[2:]
            shown = RETINA.project(glimpse, fixation, (20, 24), np.array([[x, y]]), (h, w))[0]
            window = [(column, row) for row in range(y, y + h) for column in range(x, x + w)]
            memory = {place: memory[place] for place in window if place in memory}  # what leaves the window is forgotten
            for column, row in window:
                value = shown[:, row - y, column - x]
                if value[-1] >= memory.get((column, row), [0])[-1]:
                    memory[column, row] = value
            seen[i] = memory
            expected = np.array([memory[place] for place in window]).T.reshape(4, h, w)
            np.testing.assert_array_equal(observation["canvas"][i], expected)
        observation = envs.step(actions_of(envs, rng))[0]


# Wherever a retina can be.


@pytest.mark.parametrize("id", ["Glimpse-TranslatedMNIST-v0", "Glimpse-Catch-v0", "Glimpse-Search-v0"])
def test_it_takes_the_place_of_an_ids_own(id):
    env = gym.make(id, retina=RETINA)
    assert env.observation_space["glimpse"].shape == (1, 6, 8)
    check_env(env.unwrapped, skip_render_check=True)
    envs = gym.make_vec(id, 3, retina=RETINA)
    assert envs.reset(seed=0)[0] in envs.observation_space
    assert VectorFlattenObservation(gym.make_vec(id, 3, retina=RETINA)).reset(seed=0)[0].shape[0] == 3


def test_copies_are_alike():
    assert isinstance(RETINA, RetinaLike)
    scene, middle = np.random.default_rng(0).integers(0, 256, (1, 20, 20, 1), np.uint8), np.zeros((1, 2), np.float32)
    glimpse = RETINA(scene, middle)
    for twin in (copy.deepcopy(RETINA), pickle.loads(pickle.dumps(RETINA))):
        assert twin == RETINA
        assert hash(twin) == hash(RETINA)
        np.testing.assert_array_equal(twin(scene, middle), glimpse)


class Picture(gym.Env):
    """Random pictures."""

    observation_space, action_space = gym.spaces.Box(0, 255, (30, 41, 3), np.uint8), gym.spaces.Discrete(2)

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        return self.np_random.integers(0, 256, (30, 41, 3), np.uint8), {}

    def step(self, action):
        return self.np_random.integers(0, 256, (30, 41, 3), np.uint8), 0.0, False, False, {}


@pytest.mark.filterwarnings("ignore:.*different from the unwrapped version")
def test_wrapper_canvas_and_pictures_take_it():
    env = PersistenceOfVision(GlimpseWrapper(Picture(), retina=RETINA), num_glimpses=2, size=15)
    check_env(env, skip_render_check=True)
    observation, _ = env.reset(seed=0)
    assert observation["glimpse"].shape == (3, 6, 8)
    assert observation["canvas"].shape == (4, 15, 15)
    picture = env.get_wrapper_attr("picture")()
    assert picture.shape == Layout(30, 41, RETINA, len(env.get_wrapper_attr("task").action_names)).shape
    with pytest.raises(ValueError, match="its own sizes: leave out patch_size"):
        GlimpseWrapper(Picture(), 8, retina=RETINA)


@pytest.mark.parametrize("retina", [3, "log", Retina, LogPolarRetina])
def test_what_is_no_retina_is_refused(retina):
    with pytest.raises(ValueError, match="retina must be a Retina, a LogPolarRetina, or an object with their methods, got"):
        GlimpseEnv(retina=retina)


def test_pictures_show_rings_and_an_enlarged_tile():
    scene, where = np.zeros((60, 60, 1), np.uint8), np.zeros(2, np.float32)
    retina, layout = LogPolarRetina(4, 6, 16, 2), Layout(60, 60, LogPolarRetina(4, 6, 16, 2))
    glimpse = np.linspace(0, 1, 24, dtype=np.float32).reshape(1, 4, 6)
    frame = draw(scene, retina, [where], glimpse)
    (left, top, side), times = layout.tiles[0], layout.tiles[0][2] // 6
    tile = frame[top : top + 4 * times, left : left + 6 * times]
    assert side == 6 * times
    np.testing.assert_array_equal(tile, np.rint(glimpse[0] * 255).repeat(times, 0).repeat(times, 1)[..., None].repeat(3, 2))
    left, top, *_ = layout.scene
    blue = (frame == [86, 180, 255]).all(axis=2)[top : top + 360, left : left + 360]
    rows, columns = np.nonzero(blue)
    away = np.hypot(rows - 179.5, columns - 179.5) / 6
    assert away.max() <= 16 + 0.75
    assert {round(r) for r in away} >= {4, 8, 16}, "a line around each ring"


def test_foveate_shows_what_the_cells_saw_and_no_more():
    scene = np.random.default_rng(0).integers(0, 256, (1, 40, 60, 3), np.uint8)
    where = np.zeros(2, np.float32)
    seen = foveate(RETINA(scene, where[None])[0], RETINA, where, 40, 60)
    away = np.hypot(*(np.mgrid[:40, :60] + 0.5 - np.array([20, 30])[:, None, None]))
    assert (seen[away > 10] == seen[0, 0]).all()
    assert np.abs(seen[away < 0.8].astype(int) - scene[0][away < 0.8]).max() <= 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_rings": 1}, "num_rings must be from 2 to 1024, got 1"),
        ({"num_wedges": 0}, "num_wedges must be from 1 to 1024, got 0"),
        ({"radius": 2.5}, r"radius must be an integer, got 2\.5"),
        ({"fovea": 0}, "fovea must be above 0 and below radius=9"),
        ({"fovea": 9}, "fovea must be above 0 and below radius=9"),
        ({"fovea": float("nan")}, "fovea must be a finite number"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        LogPolarRetina(**{"num_rings": 4, "num_wedges": 4, "radius": 9, **arguments})
