"""Pictures: of one size, true to the scene and the retina, and without influence on the rollout."""

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from rollouts import IDS, MODES, actions_of, assert_identical, single, vector

from glimpse_env import Retina, rendering
from glimpse_env.rendering import draw

MARGIN = rendering._MARGIN


@pytest.mark.parametrize("id", IDS)
def test_frames_of_an_episode_have_one_shape(id):
    env = single(id, render_mode="rgb_array")
    frames = []
    for seed in range(2):
        env.reset(seed=seed)
        done = False
        frames.append(env.render())
        while not done:
            done = env.step(env.action_space.sample())[2]
            frames.append(env.render())
    assert len({frame.shape for frame in frames}) == 1
    assert frames[0].shape[2] == 3
    assert all(frame.dtype == np.uint8 for frame in frames)
    assert len({frame.tobytes() for frame in frames}) > len(frames) // 2  # it moves


@pytest.mark.parametrize("id", IDS)
def test_rendering_alters_nothing(id):
    watched, unwatched = single(id, render_mode="rgb_array"), single(id)
    unwatched.action_space.seed(0)
    assert_identical(watched.reset(seed=0), unwatched.reset(seed=0))
    for _ in range(20):
        first, again = watched.render(), watched.render()
        np.testing.assert_array_equal(first, again)
        first[:] = 0  # nor does writing on a frame
        action = unwatched.action_space.sample()
        mine, theirs = watched.step(action), unwatched.step(action)
        assert_identical(mine, theirs)
        if mine[2]:
            assert_identical(watched.reset(), unwatched.reset())


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.name)
def test_vector_env_renders_a_tuple_as_single_envs_do(mode):
    arguments = {"render_mode": "rgb_array", "decide": "anytime"}
    envs = vector("Glimpse-ClutteredMNIST-v0", 3, mode, **arguments)
    vector_arguments = {"vectorization_mode": "sync", "vector_kwargs": {"autoreset_mode": mode}}
    sync = gym.make_vec("Glimpse-ClutteredMNIST-v0", 3, **vector_arguments, **arguments)
    rng = np.random.default_rng(0)
    for each in (envs, sync):
        each.reset(seed=0)
    for _ in range(10):
        frames = envs.render()
        assert isinstance(frames, tuple)
        assert len(frames) == 3
        assert_identical(frames, sync.render())
        action = actions_of(envs, rng)
        ended = envs.step(action)[2]
        sync.step(action)
        if mode == AutoresetMode.DISABLED and ended.any():
            for each in (envs, sync):
                each.reset(options={"reset_mask": ended.copy()})


def test_without_a_render_mode_it_warns_and_draws_nothing():
    envs = vector("Glimpse-MNIST-v0", 2)
    envs.reset(seed=0)
    with pytest.warns(UserWarning, match="render_mode='rgb_array'"):
        assert envs.render() is None


def scene_part(frame, height, width):
    return frame[MARGIN : MARGIN + height, MARGIN : MARGIN + width]


@pytest.mark.parametrize(("H", "W", "scale"), [(28, 28, 12), (60, 60, 6), (40, 90, 4), (500, 400, 1)])
def test_scene_is_enlarged_whole(H, W, scale):
    scene = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
    frame = draw(scene, Retina(4), [], np.zeros((3, 4, 4), np.float32))
    np.testing.assert_array_equal(scene_part(frame, H * scale, W * scale), scene.repeat(scale, 0).repeat(scale, 1))


def test_grey_scene_is_grey():
    scene = np.full((28, 28, 1), 90, np.uint8)
    frame = draw(scene, Retina(4), [], np.zeros((1, 4, 4), np.float32))
    assert (scene_part(frame, 336, 336) == 90).all()


def test_colour_scene_shows_its_colours_in_scene_and_patches():
    images = np.zeros((1, 28, 28, 3), np.uint8)
    images[0, :, :14], images[0, :, 14:] = (250, 0, 10), (0, 40, 240)
    env = single("Glimpse-MNIST-v0", dataset=(images, [0]), initial_fixation="center", render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    scene, patches = scene_part(frame, 336, 336), frame[MARGIN : MARGIN + 40, 336 + 2 * MARGIN : -MARGIN]
    for part in (scene, patches):
        half = part.shape[1] // 2
        assert (part[5, 2 : half - 2] == (250, 0, 10)).all()
        assert (part[5, half + 2 : -2] == (0, 40, 240)).all()


def test_patches_stand_finest_first_beside_the_scene():
    scene = np.zeros((60, 60, 1), np.uint8)
    glimpse = np.repeat(np.float32([0.2, 0.4, 0.6]), 12 * 12).reshape(3, 12, 12)
    frame = draw(scene, Retina(12, 3), [], glimpse)
    side = frame.shape[1] - 3 * MARGIN - 360
    for k, value in enumerate((51, 102, 153)):
        top = MARGIN + k * (side + MARGIN)
        assert (frame[top : top + side, -MARGIN - side : -MARGIN] == value).all()


@pytest.mark.parametrize("location", [(0, 0), (0.4, -0.3), (-0.6, 0.5)])
@pytest.mark.parametrize("patch_size", [6, 7])
def test_blue_squares_frame_what_the_retina_sees(location, patch_size):
    retina, scene = Retina(patch_size, 2), np.zeros((60, 60, 1), np.uint8)
    where = np.array(location, np.float32)
    glimpse = np.zeros((2, patch_size, patch_size), np.float32)
    picture = scene_part(draw(scene, retina, [where], glimpse), 360, 360)
    blue = (picture == rendering._EYE).all(axis=2)
    left, top = retina.corners(where, 60, 60)[1] * 6  # of the wider square
    rows, columns = np.flatnonzero(blue.any(axis=1)), np.flatnonzero(blue.any(axis=0))
    assert (rows[0], columns[0]) == (top, left)
    assert (rows[-1], columns[-1]) == (top + 12 * patch_size - 1, left + 12 * patch_size - 1)
    left, top = retina.corners(where, 60, 60)[0] * 6  # of the finer one, within
    assert blue[top, left : left + 6 * patch_size].all()
    assert blue[top : top + 6 * patch_size, left].all()


def test_amber_path_joins_the_fixations():
    scene = np.zeros((60, 60, 1), np.uint8)
    path = [np.array(location, np.float32) for location in ((-0.5, -0.5), (0.5, -0.5), (0.5, 0.5))]
    picture = scene_part(draw(scene, Retina(4), path, np.zeros((1, 4, 4), np.float32)), 360, 360)
    amber = picture[..., 0] > picture[..., 2]
    for x, y in ((90, 90), (270, 90), (270, 270), (180, 90), (270, 180)):  # each fixation, and between them
        assert amber[y, x]
    assert not amber[200:, :200].any()
    assert picture[270, 270, 0] > picture[90, 270, 0] > picture[90, 90, 0]  # older ones are darker


def test_path_begins_anew_with_the_episode():
    env = single("Glimpse-MNIST-v0", render_mode="rgb_array")
    env.reset(seed=0)
    fresh = env.render()
    for _ in range(4):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    np.testing.assert_array_equal(env.render(), fresh)


@pytest.mark.parametrize("location", [(-1, -1), (1, 1), (1, -1)])
def test_marks_at_the_edge_stay_in_the_scene(location):
    scene, retina = np.zeros((28, 28, 1), np.uint8), Retina(8, 2)
    glimpse = np.zeros((2, 8, 8), np.float32)
    frame = draw(scene, retina, [np.array(location, np.float32)], glimpse)
    empty = draw(scene, retina, [], glimpse)
    outside = np.ones(frame.shape[:2], np.bool_)
    outside[MARGIN : MARGIN + 336, MARGIN : MARGIN + 336] = False
    np.testing.assert_array_equal(frame[outside], empty[outside])
