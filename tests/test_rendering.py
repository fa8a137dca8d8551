"""Pictures: of one size, true to the scene and the retina, and without influence on the rollout."""

import sys

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from rollouts import IDS, MODES, actions_of, assert_identical, single, vector

from glimpse_env import Retina, rendering
from glimpse_env.rendering import Layout, draw, tile
from glimpse_env.sight import foveate


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


def scene_part(frame, layout):
    left, top, width, height = layout.scene
    return frame[top : top + height, left : left + width]


def patch_parts(frame, layout):
    return [frame[top : top + side, left : left + side] for left, top, side in layout.tiles]


@pytest.mark.parametrize(("H", "W", "scale"), [(28, 28, 13), (60, 60, 6), (40, 90, 4), (210, 160, 2), (500, 400, 1)])
def test_scene_is_enlarged_whole(H, W, scale):
    scene = np.random.default_rng(0).integers(0, 256, (H, W, 3), np.uint8)
    frame = draw(scene, Retina(4), [], np.zeros((3, 4, 4), np.float32))
    np.testing.assert_array_equal(scene_part(frame, Layout(H, W, Retina(4))), scene.repeat(scale, 0).repeat(scale, 1))


def test_gray_scene_is_gray():
    scene = np.full((28, 28, 1), 90, np.uint8)
    frame = draw(scene, Retina(4), [], np.zeros((1, 4, 4), np.float32))
    assert (scene_part(frame, Layout(28, 28, Retina(4))) == 90).all()


def test_color_scene_shows_its_colors_in_scene_and_patches():
    images = np.zeros((1, 28, 28, 3), np.uint8)
    images[0, :, :14], images[0, :, 14:] = (250, 0, 10), (0, 40, 240)
    env = single("Glimpse-MNIST-v0", dataset=(images, [0]), initial_fixation="center", render_mode="rgb_array")
    env.reset(seed=0)
    frame = env.render()
    layout = Layout(28, 28, env.retina, 10)
    for part in (scene_part(frame, layout), *patch_parts(frame, layout)):
        half = part.shape[1] // 2
        assert (part[5, 2 : half - 2] == (250, 0, 10)).all()
        assert (part[5, half + 2 : -2] == (0, 40, 240)).all()


def test_patches_stand_finest_first_beside_the_scene():
    scene = np.zeros((60, 60, 1), np.uint8)
    glimpse = np.repeat(np.float32([0.2, 0.4, 0.6]), 12 * 12).reshape(3, 12, 12)
    frame = draw(scene, Retina(12, 3), [], glimpse)
    for k, value in enumerate((51, 102, 153)):
        assert (patch_parts(frame, Layout(60, 60, Retina(12, 3)))[k] == value).all()


@pytest.mark.parametrize("location", [(0, 0), (0.4, -0.3), (-0.6, 0.5)])
@pytest.mark.parametrize("patch_size", [6, 7])
def test_blue_squares_frame_what_the_retina_sees(location, patch_size):
    retina, scene = Retina(patch_size, 2), np.zeros((60, 60, 1), np.uint8)
    where = np.array(location, np.float32)
    glimpse = np.zeros((2, patch_size, patch_size), np.float32)
    picture = scene_part(draw(scene, retina, [where], glimpse), Layout(60, 60, retina))
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
    picture = scene_part(draw(scene, Retina(4), path, np.zeros((1, 4, 4), np.float32)), Layout(60, 60, Retina(4)))
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
    scene_part(outside, Layout(28, 28, retina))[:] = False
    np.testing.assert_array_equal(frame[outside], empty[outside])


@pytest.mark.parametrize("id", IDS)
def test_frames_are_as_large_with_a_belief_as_without(id):
    env = single(id, render_mode="rgb_array")
    env.reset(seed=0)
    plain = env.render()
    n = len(env.task.action_names)
    env.believe(np.full(n, 1 / n))
    told = env.render()
    assert told.shape == plain.shape
    assert (told != plain).any()


@pytest.mark.parametrize("num_classes", [3, 10, 40])
def test_bars_are_as_high_as_the_belief(num_classes):
    names = [str(k) for k in range(num_classes)]
    belief = np.zeros(num_classes)
    belief[[1, 2]] = 0.75, 0.25
    retina, where = Retina(4), np.zeros(2, np.float32)
    frame = draw(
        np.zeros((60, 60, 1), np.uint8), retina, [where], np.zeros((1, 4, 4), np.float32), names=names, beliefs=[belief]
    )
    layout = Layout(60, 60, retina, num_classes)
    assert frame.shape == layout.shape
    bars = (frame[layout.bars : layout.bars + rendering._BARS] == np.rint(rendering._TEXT)).all(axis=2)
    heights = bars.sum(axis=0)
    assert sorted(set(heights.tolist())) == [0, 1, 8, 24]
    left = layout.scene[0]
    cell = (frame.shape[1] - 2 * left) // min(num_classes, 10)
    assert [heights[left + n * cell + cell // 2] for n in range(3)] == [1, 24, 8]  # class 0 first, for the rest are no likelier


def test_names_show_in_latin_greek_and_cyrillic_letters():
    def named(name):
        names, scene, glimpse = [name, "1"], np.zeros((60, 60, 1), np.uint8), np.zeros((1, 4, 4), np.float32)
        return draw(scene, Retina(4), [np.zeros(2, np.float32)], glimpse, names=names, beliefs=[None])

    shown = [named(name) for name in ("e", "\u00e9", "\u0142", "\u03c8", "\u0436", "\U0001f34e")]  # the last is an emoji
    assert len({frame.tobytes() for frame in shown}) == len(shown)
    np.testing.assert_array_equal(shown[-1], named("?"))


def test_path_has_the_color_of_the_right_class():
    env = single("Glimpse-ClutteredMNIST-v0", render_mode="rgb_array", initial_fixation=(-0.5, -0.5))
    _, info = env.reset(seed=0)
    for probability, location in ((0.0, (0.5, -0.5)), (1.0, (0.5, 0.5)), (0.5, None)):
        env.believe(np.where(np.arange(10) == info["label"], probability, (1 - probability) / 9))
        if location:
            env.step({"location": np.float32(location), "action": 0})
    picture = scene_part(env.render(), Layout(60, 60, env.retina, 10))
    for (x, y), probability in {(90, 90): 0.0, (270, 90): 1.0, (270, 270): 0.5}.items():
        np.testing.assert_allclose(picture[y, x], rendering.sure_color(probability), atol=1)


def test_sureness_reads_in_gray():
    gray = [rendering.sure_color(percent / 100) @ (0.299, 0.587, 0.114) for percent in range(101)]
    assert (np.diff(gray) > 0).all()


@pytest.mark.parametrize("size", [180, 360, 720, 1080])
def test_frames_of_any_size(size):
    env = single("Glimpse-ClutteredMNIST-v0", render_mode="rgb_array", render_size=size)
    env.reset(seed=0)
    scene = scene_part(env.render(), Layout(60, 60, env.retina, 10, size))
    assert scene.shape == (size, size, 3)


@pytest.mark.parametrize("beliefs", [np.ones(10), np.ones((2, 9)), np.full((2, 10), 1.5), np.full((2, 10), np.nan)])
def test_beliefs_that_are_none(beliefs):
    envs = vector("Glimpse-MNIST-v0", 2, render_mode="rgb_array")
    envs.reset(seed=0)
    with pytest.raises(ValueError, match=r"beliefs must be \(2, 10\) probabilities"):
        envs.unwrapped.believe(beliefs)


def test_nothing_is_kept_for_pictures_unless_they_are_asked_for():
    envs = vector("Glimpse-MNIST-v0", 2)
    envs.reset(seed=0)
    envs.unwrapped.believe(np.full((2, 10), 0.1))
    envs.step(envs.action_space.sample())
    assert envs.unwrapped.recorder is None


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 12])
def test_tiles_show_each_frame_once(count):
    frames = [np.full((6, 8, 3), 100 + n, np.uint8) for n in range(count)]
    picture = tile(frames)
    assert all((picture == frame[0, 0]).all(axis=2).sum() == 48 for frame in frames)


def test_foveate_shows_what_was_seen_and_no_more():
    rng = np.random.default_rng(0)
    scene, retina = rng.integers(0, 256, (40, 60, 3), np.uint8), Retina(8, 2)
    where = np.float32([0.5, -0.25])
    seen = foveate(retina(scene[np.newaxis], where[np.newaxis])[0], retina, where, 40, 60)
    (x, y), (left, top) = retina.corners(where, 40, 60)
    np.testing.assert_array_equal(seen[y : y + 8, x : x + 8], scene[y : y + 8, x : x + 8])
    np.testing.assert_allclose(seen[top, left], scene[top : top + 2, left : left + 2].mean(axis=(0, 1)), atol=1)
    outside = np.ones((40, 60), np.bool_)
    outside[top : top + 16, left : left + 16] = False
    assert (seen[outside] == seen[0, 0]).all()


def test_human_mode_shows_each_step_in_a_window():
    pygame = pytest.importorskip("pygame")
    envs = vector("Glimpse-MNIST-v0", 3, render_mode="human")
    envs.metadata = {**envs.metadata, "render_fps": 1000}
    frames = vector("Glimpse-MNIST-v0", 3, render_mode="rgb_array")
    for each in (envs, frames):
        each.reset(seed=0)
    for _ in range(3):
        picture = tile(frames.render())
        shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
        np.testing.assert_array_equal(shown, picture)
        assert envs.render() is None
        action = frames.action_space.sample()
        for each in (envs, frames):
            each.step(action)
    envs.close()
    assert not pygame.display.get_init()
    envs.close()
    envs.reset()
    assert pygame.display.get_init()
    envs.close()
    assert not pygame.display.get_init(), "a window that opened after close() is closed, too"


def test_human_mode_without_pygame_names_the_remedy(monkeypatch):
    monkeypatch.setitem(sys.modules, "pygame", None)
    env = single("Glimpse-MNIST-v0", render_mode="human")
    with pytest.raises(ImportError, match=r'pip install "glimpse-env\[render\]"'):
        env.reset(seed=0)
