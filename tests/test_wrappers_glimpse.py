"""Environments with an image, wrapped: the retina is the native one, and all else is the wrapped environment's."""

import copy
import inspect
import pickle
import warnings

import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces
from gymnasium.envs.registration import EnvSpec
from gymnasium.utils.env_checker import check_env
from rollouts import assert_identical, play, single

from glimpse_env import Retina
from glimpse_env.rendering import draw
from glimpse_env.wrappers import GlimpseWrapper, PersistenceOfVision

H, W = 20, 31
KINDS = ("gray", "color", "dict", "render")
ACTIONS = {
    "discrete": spaces.Discrete(3),
    "box": spaces.Box(-1, 1, (2,), np.float32),
    "multi": spaces.MultiDiscrete([2, 3]),
}


class Pictures(gym.Env):
    """Random pictures with a number in the corner; ends with chance 1/8, is truncated after twelve steps."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 5}  # noqa: RUF012

    def __init__(self, kind="gray", action="discrete", render_mode=None):
        self.kind, self.render_mode = kind, render_mode
        picture = spaces.Box(0, 255, (H, W) if kind == "gray" else (H, W, 3), np.uint8)
        speed = spaces.Box(-1, 1, (4,), np.float32)
        self.observation_space = {
            "gray": picture,
            "color": picture,
            "dict": spaces.Dict(speed=speed, picture=picture, gear=spaces.Discrete(5)),
            "render": speed,
        }[kind]
        self.action_space = copy.deepcopy(ACTIONS[action])
        self.taken = []

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self.steps = 0
        return self._observe(), {"options": len(options or {})}

    def step(self, action):
        assert action in self.action_space
        self.taken.append(action)
        self.steps += 1
        terminated = bool(self.np_random.random() < 1 / 8)
        return self._observe(), float(np.sum(action)), terminated, self.steps == 12, {"steps": self.steps}

    def _observe(self):
        shape = (H, W) if self.kind == "gray" else (H, W, 3)
        self.picture = self.np_random.integers(0, 256, shape, dtype=np.uint8)
        speed = self.np_random.uniform(-1, 1, 4).astype(np.float32)
        if self.kind == "dict":
            return {"speed": speed, "picture": self.picture.copy(), "gear": np.int64(self.steps % 5)}
        return speed if self.kind == "render" else self.picture.copy()

    def render(self):
        return self.picture.copy()


gym.register("Pictures-v0", f"{__name__}:Pictures")

SOURCES = {
    "gray": {},
    "color": {},
    "dict": {"image_key": "picture"},
    "render": {"source": "render"},
}


def wrapped(kind="gray", action="discrete", patch_size=5, num_scales=2, **arguments):
    base = Pictures(kind, action, render_mode="rgb_array")
    return GlimpseWrapper(base, patch_size, num_scales, **SOURCES[kind], **arguments)


def act(x, y, action=0):
    return {"location": np.array([x, y], np.float32), "action": action}


CASES = [(kind, action) for kind in KINDS for action in ACTIONS]


@pytest.mark.parametrize(("kind", "action"), CASES)
def test_check_env_has_nothing_to_say(kind, action):
    base = gym.make("Pictures-v0", kind=kind, action=action, render_mode="rgb_array")
    env = GlimpseWrapper(base, 5, 2, peripheral=6, **SOURCES[kind])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        check_env(env)
    assert of_the_checker(caught) == []


def of_the_checker(caught):
    """All warnings but the one that any wrapper earns."""
    return [text for text in (str(warning.message) for warning in caught) if "different from the unwrapped version" not in text]


def test_no_render_mode_is_declared_that_cannot_be_seen_through():
    assert wrapped("gray").metadata == Pictures.metadata
    env = Pictures("render", render_mode="rgb_array")
    env.metadata = {"render_modes": ["human", "rgb_array"], "render_fps": 7}
    assert GlimpseWrapper(env, source="render").metadata == {"render_modes": ["rgb_array"], "render_fps": 7}
    assert env.metadata["render_modes"] == ["human", "rgb_array"]


@pytest.mark.parametrize(("kind", "action"), CASES)
def test_spaces(kind, action):
    env = wrapped(kind, action, peripheral=6)
    C = 1 if kind == "gray" else 3
    others = {"dict": ["speed", "gear"]}.get(kind, [])
    assert list(env.observation_space) == ["glimpse", "fixation", "peripheral", *others]
    assert env.observation_space["glimpse"].shape == (2 * C, 5, 5)
    assert env.observation_space["peripheral"].shape == (C, 6, 6)
    assert list(env.action_space) == ["location", "action"]
    assert env.action_space["action"] == ACTIONS[action]
    assert "peripheral" not in wrapped(kind, action).observation_space.spaces
    native = single("Glimpse-MNIST-v0")
    for name, space in (("location", env.action_space), ("fixation", env.observation_space)):
        assert space[name] == (native.action_space if name == "location" else native.observation_space)[name]


@pytest.mark.parametrize(("kind", "action"), CASES)
def test_sees_the_image_through_the_retina_and_hands_on_all_else(kind, action):
    env, twin = wrapped(kind, action), Pictures(kind, action)
    retina, rng = Retina(5, 2), np.random.default_rng(0)
    if kind == "render":
        twin.reset()  # to find the size of the picture

    def assert_seen(observation, theirs, where):
        scene = env.unwrapped.picture.reshape(1, H, W, -1)
        np.testing.assert_array_equal(observation["glimpse"], retina(scene, where[np.newaxis])[0])
        np.testing.assert_array_equal(observation["fixation"], where)
        others = {name: theirs[name] for name in ("speed", "gear")} if kind == "dict" else {}
        assert_identical({name: observation[name] for name in observation if name in others}, others)
        assert observation in env.observation_space

    ends = set()
    for episode in range(20):
        seed = 3 if episode == 0 else None
        observation, info = env.reset(seed=seed, options={"a": 1})
        theirs, their_info = twin.reset(seed=seed, options={"a": 1})
        assert info == their_info
        where = observation["fixation"]
        terminated = truncated = False
        while not (terminated or truncated):
            assert_seen(observation, theirs, where)
            location, base_action = rng.uniform(-1, 1, 2).astype(np.float32), twin.action_space.sample()
            observation, *mine = env.step({"location": location, "action": base_action})
            theirs, *rest = twin.step(base_action)
            assert_identical(mine, rest)
            assert env.unwrapped.taken[-1] is base_action
            _, terminated, truncated, _ = mine
            where = where if terminated else location  # the last location of an episode that terminates is ignored
        assert_seen(observation, theirs, where)
        ends.add((terminated, truncated))
    assert {(True, False), (False, True)} <= ends


# The gaze.


def test_random_first_fixation_depends_on_the_seed_and_the_number_alone():
    env, other = wrapped(), wrapped("color", "box")
    starts = []
    for each in (env, other):
        found = [each.reset(seed=7)[0]["fixation"]]
        for _ in range(3):
            each.action_space.seed(0)
            play(each, 3 if each is env else 9, seed=1)
            found.append(each.reset(options={})[0]["fixation"])
        starts.append(found[:1])
        again = [each.reset(seed=7)[0]["fixation"], *(each.reset()[0]["fixation"] for _ in range(3))]
        np.testing.assert_array_equal(again[0], found[0])
        assert len({start.tobytes() for start in again}) == 4
    np.testing.assert_array_equal(starts[0], starts[1])
    np.testing.assert_array_equal(starts[0][0], single("Glimpse-MNIST-v0").reset(seed=7)[0]["fixation"])
    unseeded = {wrapped().reset()[0]["fixation"].tobytes() for _ in range(5)}
    assert len(unseeded) == 5


def test_random_first_fixation_is_not_the_draw_of_the_wrapped_environment():
    """Two generators of one seed would draw the same numbers."""
    for seed in range(20):
        drawn = wrapped().reset(seed=seed)[0]["fixation"]
        theirs = np.random.default_rng(seed).random(2)
        assert np.abs(drawn - (2 * theirs - 1)).max() > 1e-3


@pytest.mark.parametrize(("given", "where"), [("center", (0, 0)), ((0.3, -1), (0.3, -1)), ([1, 0], (1, 0))])
def test_given_first_fixation(given, where):
    env = wrapped(initial_fixation=given)
    for _ in range(3):
        np.testing.assert_array_equal(env.reset()[0]["fixation"], np.float32(where))


@pytest.mark.parametrize(
    ("arguments", "locations", "path"),
    [
        ({}, [(1, -1), (0.5, 0.25)], [(1, -1), (0.5, 0.25)]),
        ({"max_step": 0.25}, [(1, -0.125), (0, 0)], [(0.25, -0.125), (0, 0)]),
        ({"location_mode": "relative"}, [(1, -0.5), (1, -0.5), (1, 1)], [(0.5, -0.25), (1, -0.5), (1, 0)]),
        ({"location_mode": "relative", "max_step": 2}, [(0.25, 0), (-1, 1)], [(0.5, 0), (-1, 1)]),
    ],
)
def test_gaze_moves_as_in_the_native_environment(arguments, locations, path):
    env = wrapped(initial_fixation="center", **arguments)
    native = single("Glimpse-MNIST-v0", initial_fixation="center", **arguments)
    env.reset(seed=0)
    native.reset(seed=0)
    for location, where in zip(locations, path, strict=True):
        observation, _, terminated, *_ = env.step(act(*location))
        assert not terminated
        np.testing.assert_array_equal(observation["fixation"], np.float32(where))
        np.testing.assert_array_equal(observation["fixation"], native.step(act(*location))[0]["fixation"])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("peripheral", "cell"), [(1, 31), (6, 6), (16, 2), (30, 2)])
def test_peripheral_is_the_whole_image_averaged(kind, peripheral, cell):
    env = wrapped(kind, peripheral=peripheral, initial_fixation=(0.9, 0.9))
    observation, _ = env.reset(seed=0)
    picture = env.unwrapped.picture.reshape(H, W, -1)
    side = peripheral * cell
    padded = np.zeros((side, side, picture.shape[2]))
    top, left = -Retina(side).corners((0, 0), H, W)[0][::-1]
    assert min(top, left) >= 0, "the whole image is in it"
    assert peripheral * (cell - 1) < W, "with the smallest cells"
    padded[top : top + H, left : left + W] = picture
    expected = padded.reshape(peripheral, cell, peripheral, cell, -1).mean((1, 3)).transpose(2, 0, 1) / 255
    np.testing.assert_allclose(observation["peripheral"], expected, atol=1e-6)


# Images that are not what they should be.


@pytest.mark.parametrize(("shape", "dtype"), [((3, H, W), np.uint8), ((H, W, 3), np.float32), ((H, W), np.uint8)])
def test_an_image_other_than_its_space_is_refused(shape, dtype):
    env = wrapped("color")
    env.reset(seed=0)
    env.unwrapped._observe = lambda: np.zeros(shape, dtype)
    with pytest.raises(ValueError, match=r"promises images \(20, 31, 3\) uint8, but returned") as error:
        env.step(act(0, 0))
    assert f"{shape} {np.dtype(dtype)}" in str(error.value)


@pytest.mark.parametrize("shape", [(4, 84, 84), (3, 40, 84), (1, 84, 84), (16, 84, 84)])
def test_channels_first_are_refused_with_the_remedy(shape):
    env = Pictures("color")
    env.observation_space = spaces.Box(0, 255, shape, np.uint8)
    with pytest.raises(ValueError, match="channels first: move them last with Gymnasium's TransformObservation") as error:
        GlimpseWrapper(env)
    assert str((*shape[1:], shape[0])) in str(error.value)


def test_the_remedy_for_channels_first_works_for_an_entry():
    env = Pictures("color")
    env.observation_space = spaces.Dict({"image": spaces.Box(0, 255, (3, 20, 31), np.uint8), "n": spaces.Discrete(2)})
    env._observe = lambda: {"image": np.zeros((3, 20, 31), np.uint8), "n": 0}
    with pytest.raises(ValueError, match="channels first") as error:
        GlimpseWrapper(env, 4, image_key="image")
    remedy = str(error.value).partition("Gymnasium's ")[2].removesuffix(".")
    known = {"TransformObservation": gym.wrappers.TransformObservation, "env": env, "spaces": spaces, "np": np}
    observation, _ = GlimpseWrapper(eval(remedy, known), 4, image_key="image").reset(seed=0)
    assert {"glimpse", "fixation", "n"} <= observation.keys()


@pytest.mark.parametrize("shape", [(84, 84, 4), (84, 84, 16), (10, 10, 12), (2, 9, 3), (7, 7, 3)])
def test_channels_last_are_taken(shape):
    env = Pictures("color")
    env.observation_space = spaces.Box(0, 255, shape, np.uint8)
    assert GlimpseWrapper(env, 2).scene_shape == shape


# What is refused.

NAN = float("nan")
STEPS = {
    "NaN": ({"location": np.float32([NAN, 0]), "action": 0}, r"location=\[nan, 0\.0\].*finite \(clipping does not help"),
    "outside": ({"location": np.float32([0, 1.001]), "action": 0}, r"location=\[0\.0, 1\.00.*clip it"),
    "3-D": ({"location": np.float32([0, 0, 0]), "action": 0}, r"floats of shape \(2,\).*shape \(3,\)"),
    "integers": ({"location": np.array([0, 1]), "action": 0}, r"location must be floats.*int64"),
    "no location": ({"action": 0}, r"keys 'location' and 'action', got \{'action'"),
    "no action": ({"location": np.zeros(2, np.float32)}, r"keys 'location' and 'action', got"),
    "no dict": (3, r"a dict with the keys 'location' and 'action', got 3"),
}


@pytest.mark.parametrize("name", STEPS)
def test_refused_action_leaves_the_env_unharmed(name):
    action, message = STEPS[name]
    env, twin = wrapped("dict"), wrapped("dict")
    assert_identical(env.reset(seed=1), twin.reset(seed=1))
    for seed in range(10):
        with pytest.raises(ValueError, match=message):
            env.step(action)
        assert_identical(play(env, 2, seed), play(twin, 2, seed))


def test_action_that_the_wrapped_environment_refuses_leaves_the_gaze():
    env, twin = wrapped(), wrapped()
    assert_identical(env.reset(seed=1), twin.reset(seed=1))
    with pytest.raises(AssertionError):
        env.step(act(0.5, 0.5, action=7))
    assert_identical(env._eye.fixations, twin._eye.fixations)
    assert_identical(play(env, 9, seed=0), play(twin, 9, seed=0))


@pytest.mark.parametrize("seed", [-1, 2**64, 1.5, "one"])
def test_refused_seed_leaves_the_env_unharmed(seed):
    env, twin = wrapped(), wrapped()
    assert_identical(env.reset(seed=1), twin.reset(seed=1))
    with pytest.raises(ValueError, match=r"seed must be an integer"):
        env.reset(seed=seed)
    assert_identical(play(env, 9, seed=0), play(twin, 9, seed=0))


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("gray", {"patch_size": 0}, "patch_size must be from 1 to 32768, got 0"),
        ("gray", {"patch_size": 32}, r"patch_size=32 is bigger than scene_size=\(20, 31\)"),
        ("gray", {"num_scales": 0}, "num_scales must be from 1 to 32768"),
        ("gray", {"scale_factor": 1}, "scale_factor must be from 2 to 32768"),
        ("gray", {"initial_fixation": "left"}, r"'left': use 'random', 'center' or \(x, y\)"),
        ("gray", {"location_mode": "polar"}, r"'polar': use one of 'absolute', 'relative'"),
        ("gray", {"max_step": 0}, r"max_step must be above 0"),
        ("gray", {"max_step": 3}, r"max_step .*\[0, 2\], got 3"),
        ("gray", {"source": "camera"}, r"Unknown source 'camera': use 'observation' or 'render'"),
        ("gray", {"image_key": "picture"}, r"image_key='picture' is not an entry"),
        ("dict", {"image_key": "image"}, r"image_key='image' is not an entry.*name one"),
        ("dict", {"image_key": None}, r"image_key must name the image among the entries \['speed', 'picture', 'gear'\]"),
        ("dict", {"image_key": "speed"}, r"The image must be \(H, W\) or \(H, W, C\) of uint8, got Box"),
        ("render", {"source": "observation"}, r"The image must be .*use source='render'"),
        ("gray", {"peripheral": 0}, r"peripheral must be from 1 to 30, got 0"),
        ("gray", {"peripheral": 31}, r"peripheral must be from 1 to 30, got 31"),
        ("gray", {"peripheral": 2.5}, r"peripheral must be an integer, got 2\.5"),
    ],
)
def test_bad_argument(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        GlimpseWrapper(Pictures(kind, render_mode="rgb_array"), **{"patch_size": 5, **SOURCES[kind], **arguments})


def test_a_peripheral_view_of_cells_that_are_too_large_is_refused():
    base = Pictures("gray")
    base.observation_space = spaces.Box(0, 255, (600, 2), np.uint8)
    with pytest.raises(ValueError, match="peripheral must be from 3 to 599, got 2"):
        GlimpseWrapper(base, 5, peripheral=2)
    assert GlimpseWrapper(base, 5, peripheral=3).observation_space["peripheral"].shape == (1, 3, 3)


def test_source_render_needs_a_render_mode():
    with pytest.raises(ValueError, match=r"render_mode='rgb_array', got None"):
        GlimpseWrapper(Pictures("render"), 5, source="render")


def test_wrapping_twice_is_refused():
    with pytest.raises(ValueError, match=r"already has the entries \['fixation', 'glimpse'\]"):
        GlimpseWrapper(
            GlimpseWrapper(gym.wrappers.AddRenderObservation(Pictures(render_mode="rgb_array")), 5), 5, source="render"
        )


# Rendering.


@pytest.mark.parametrize("kind", KINDS)
def test_picture_shows_image_path_and_patches(kind):
    env = wrapped(kind)
    observation, _ = env.reset(seed=5)
    path, action, names = [observation["fixation"]], None, env.task.action_names
    for n in range(12):
        picture = env.unwrapped.picture.reshape(H, W, -1)
        seen = picture, env.retina, path[-8:], observation["glimpse"]
        expected = draw(*seen, names=names, action=action, title=f"{W} x {H}")
        observation["glimpse"][:] = 0  # who writes on an observation does not write on the picture
        np.testing.assert_array_equal(env.render(), expected)
        observation, _, terminated, truncated, _ = env.step(act(0.1 * n - 0.6, 0.5))
        path.append(observation["fixation"])
        action = 0
        if terminated or truncated:
            observation, _ = env.reset()
            path, action = [observation["fixation"]], None


@pytest.mark.parametrize("action", ["discrete", "box"])
def test_picture_shows_the_belief_of_the_agent_over_choices(action):
    env = GlimpseWrapper(Pictures(action=action), 5)
    env.reset(seed=0)
    names = env.task.action_names
    assert bool(names) == (action == "discrete")
    before = env.picture()
    with pytest.raises(ValueError, match="belief"):
        env.believe(np.full(len(names) + 1, 0.5))
    np.testing.assert_array_equal(env.picture(), before)
    if names:
        env.believe(np.eye(len(names))[1])
        assert (env.picture() != before).any(), "a bar"
        env.reset(seed=0)
        np.testing.assert_array_equal(env.picture(), before)


@pytest.mark.parametrize("space", [spaces.MultiBinary(4), spaces.MultiBinary([2, 3]), spaces.MultiDiscrete([2, 3])], ids=str)
def test_only_a_discrete_action_has_names(space):
    base = Pictures()
    base.action_space = space
    assert GlimpseWrapper(base, 5).task.action_names == ()


def test_choices_have_the_names_that_the_environment_gives_them():
    base = Pictures()
    base.get_action_meanings = lambda: ["NOOP", "LEFT", "RIGHT"][: base.action_space.n]
    assert GlimpseWrapper(base, 5).task.action_names == ("noop", "left", "right")[: base.action_space.n]


def test_render_hands_on_what_is_no_rgb_array():
    env = GlimpseWrapper(Pictures(), 5)
    observation, _ = env.reset(seed=0)
    assert env.render().shape == (H, W)
    path = [observation["fixation"]]
    seen = env.unwrapped.picture.reshape(H, W, -1), env.retina, path, observation["glimpse"]
    expected = draw(*seen, names=env.task.action_names, title=f"{W} x {H}")
    np.testing.assert_array_equal(env.picture(), expected)


# Gymnasium's own habits.


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("copied", [copy.deepcopy, lambda env: pickle.loads(pickle.dumps(env))], ids=["deepcopy", "pickle"])
def test_copy_goes_on_as_the_original(kind, copied):
    env = PersistenceOfVision(wrapped(kind, peripheral=4))
    env.reset(seed=3)
    play(env, 10, seed=0)
    other = copied(env)
    assert_identical(play(env, 20, seed=1), play(other, 20, seed=1))
    assert_identical(env.render(), other.render())


@pytest.mark.parametrize("kind", KINDS)
def test_spec_round_trip(kind):
    arguments = {"initial_fixation": (0.25, -0.5), "location_mode": "relative", "max_step": 0.3, "peripheral": 4}
    base = gym.make("Pictures-v0", kind=kind, action="box", render_mode="rgb_array")
    env = PersistenceOfVision(GlimpseWrapper(base, 4, 3, 3, **SOURCES[kind], **arguments), num_glimpses=2, size=9)
    again = gym.make(EnvSpec.from_json(env.spec.to_json()))
    assert again.observation_space == env.observation_space
    assert_identical(again.reset(seed=1), env.reset(seed=1))
    assert_identical(play(again, 12, seed=2), play(env, 12, seed=2))


def test_every_argument_is_in_the_spec():
    names = set(inspect.signature(GlimpseWrapper).parameters) - {"env"}
    assert set(wrapped()._saved_kwargs) == names


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_handed_out_is_never_written_again(kind):
    env = PersistenceOfVision(wrapped(kind, peripheral=4))
    kept = [env.reset(seed=0)[0]]
    frozen = copy.deepcopy(kept)
    for n in range(20):
        kept.append(env.step(env.action_space.sample())[0] if n % 5 else env.reset()[0])
        frozen.append(copy.deepcopy(kept[-1]))
    assert_identical(kept, frozen)


def test_makes_a_vector_env():
    envs = gym.make_vec("Pictures-v0", 3, kind="dict", wrappers=[lambda env: GlimpseWrapper(env, 5, image_key="picture")])
    observation, _ = envs.reset(seed=0)
    for _ in range(20):
        assert observation in envs.observation_space
        observation, *_ = envs.step(envs.action_space.sample())


# Persistence of vision.


@pytest.mark.parametrize("size", ["scene", 13])
@pytest.mark.parametrize("id", ["Glimpse-TranslatedMNIST-v0", "Glimpse-Catch-v0"])
def test_all_glimpses_make_the_native_canvas(id, size):
    env, native = PersistenceOfVision(single(id), num_glimpses=99, size=size), single(id, canvas=size)
    assert env.observation_space == native.observation_space
    assert_identical(env.reset(seed=0), native.reset(seed=0))
    assert_identical(play(env, 60, seed=1), play(native, 60, seed=1))


@pytest.mark.parametrize("num_glimpses", [1, 3])
def test_older_glimpses_are_forgotten(num_glimpses):
    env = PersistenceOfVision(wrapped("color", num_scales=1, initial_fixation="center"), num_glimpses)
    rng, shown = np.random.default_rng(0), []
    observation, _ = env.reset(seed=0)
    for _ in range(30):
        shown.append((env.unwrapped.picture, observation["fixation"]))
        expected = np.zeros((H, W, 4), np.float32)
        for picture, fixation in shown[-num_glimpses:]:
            (left, top), *_ = env.get_wrapper_attr("retina").corners(fixation, H, W)
            seen = np.s_[max(0, top) : max(0, top + 5), max(0, left) : max(0, left + 5)]
            expected[seen] = np.dstack([picture / np.float32(255), np.ones((H, W))])[seen]
        np.testing.assert_array_equal(observation["canvas"], expected.transpose(2, 0, 1))
        observation, _, terminated, truncated, _ = env.step(act(*rng.uniform(-1, 1, 2)))
        if terminated or truncated:
            shown = []
            observation, _ = env.reset()


@pytest.mark.parametrize(
    ("env", "arguments", "message"),
    [
        (Pictures(), {}, r"has no glimpses: put it into a GlimpseWrapper"),
        (single("Glimpse-MNIST-v0", canvas=9), {}, r"already has a canvas"),
        (single("Glimpse-MNIST-v0"), {"num_glimpses": 0}, r"num_glimpses must be at least 1, got 0"),
        (single("Glimpse-MNIST-v0"), {"size": 0}, r"canvas.* must be from 1 to 2048, got 0"),
    ],
)
def test_bad_argument_of_persistence(env, arguments, message):
    with pytest.raises(ValueError, match=message):
        PersistenceOfVision(env, **arguments)
