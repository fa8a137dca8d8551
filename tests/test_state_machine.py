"""Long random lives of an environment of any id: valid calls and invalid ones, in any order.

A twin gets the valid calls alone. An invalid one must be refused, and whatever comes after it must be the twin's, bit for bit.
"""

import copy
import decimal
import inspect

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from rollouts import IDS, MODES, assert_identical

from glimpse_env import TASKS, GlimpseEnv, GlimpseVectorEnv, worlds

NAN, INF = float("nan"), float("inf")
IMAGES = np.random.default_rng(0).integers(0, 256, (6, 9, 10), np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])

# Arguments that make small environments, by the world: all of them may be left out.
EYE = {
    "patch_size": st.integers(1, 6),
    "num_scales": st.integers(1, 3),
    "scale_factor": st.integers(2, 3),
    "initial_fixation": st.sampled_from(["random", "center", (0.5, -1), [0, 0.25], np.float32([1, 0])]),
    "location_mode": st.sampled_from(["absolute", "relative", "glimpse"]),
    "max_step": st.sampled_from([None, 2, 0.25, np.float32(1e-3)]),
    "canvas": st.sampled_from([None, "scene", 1, 7]),
    "observe": st.sampled_from(["glimpse", "scene"]),
    "max_episode_steps": st.sampled_from([None, 1, 3]),
    "num_threads": st.integers(1, 3),
}
WORLDS = {
    "classification": {
        "num_glimpses": st.integers(1, 4),
        "reward": st.sampled_from(["final", "every"]),
        "translate": st.booleans(),
        "num_clutter": st.integers(0, 2),
        "rotation": st.sampled_from([0, 20]),
        "contrast": st.floats(0, 1),
    },
    "catch": {
        "scene_size": st.tuples(st.integers(2, 8), st.integers(6, 9)),
        "num_balls": st.integers(1, 2),
        "paddle_width": st.integers(1, 3),
    },
    "sequence": {
        "num_digits": st.sampled_from([1, 3, (1, 2)]),
        "overlap": st.booleans(),
        "glimpses_per_answer": st.integers(1, 3),
        "search_glimpses": st.integers(0, 2),
        "noise": st.sampled_from([0, 0.1]),
    },
    "search": {"num_distractors": st.integers(0, 2), "grid": st.integers(1, 9), "num_glimpses": st.integers(1, 4)},
    "circle_square": {
        "figure_size": st.integers(3, 12),
        "cut": st.booleans(),
        "gradient": st.floats(0, 1),
        "num_glimpses": st.integers(1, 4),
    },
}
ANSWERS = {"decide": st.just("anytime"), "reward": st.just("final"), "glimpse_cost": st.sampled_from([0, 0.125])}


@st.composite
def arguments_of(draw, id):
    """Some of the arguments of an id; small images for half of those that have images."""
    world = TASKS[id].get("world", "classification")
    some = draw(st.fixed_dictionaries({}, optional=EYE | WORLDS.get(world, {})))
    if world == "classification" and draw(st.booleans()):
        some |= {"dataset": (IMAGES, LABELS), "scene_size": draw(st.sampled_from([(9, 13), 12]))}
        some.setdefault("patch_size", 4)
    if world == "classification" and draw(st.booleans()):
        some |= draw(st.fixed_dictionaries(ANSWERS))
    return some


def other_than(shape):
    """Shapes that are not this one."""
    return st.lists(st.integers(0, 6), max_size=3).map(tuple).filter(lambda found: found != shape)


def refused_locations(shape):
    return st.one_of(
        st.sampled_from([None, "left", {}, set(), [[0.5], [0.5, 0.5]], 0.5, lambda: 0]),
        other_than(shape).map(lambda found: np.zeros(found, np.float32)),
        st.sampled_from([int, bool, complex, object, str, "M8[s]"]).map(lambda dtype: np.zeros(shape, dtype)),
    )


def refused_choices(shape):
    return st.one_of(
        st.sampled_from([None, "left", {}, [[0], [0, 0]], 0.0, True, 2**70, lambda: 0]),
        other_than(shape).map(lambda found: np.zeros(found, np.int64)),
        st.sampled_from([float, bool, complex, object, str, "m8[s]"]).map(lambda dtype: np.zeros(shape, dtype)),
    )


NO_ACTIONS = st.sampled_from([None, 3, 0.5, "location", b"", (), [], {}, [{}, {}], np.zeros(3), object()])
FAR = [NAN, INF, -INF, 1.0001, -7, float(np.nextafter(np.float32(1), np.float32(2))), 1e39, -1e300]
NO_SEEDS = [-1, 2**64, 1.0, NAN, "3", b"3", True, np.True_, np.array(3.0), np.array(3), {}, {1}, object(), 1j, [[3]]]
NO_OPTIONS = [3, "index", (), [("index", 0)], [], 0, {"idx": 1}, {3: 1}, {3: 1, "x": 2}, {None: 1}, {"reset_mask ": 1}]
NO_INDICES = [-1, 2**63, 2**70, 1.0, NAN, "1", True, [[0, 1], [2]], object(), {}, set(), np.array([[0]]), 10**9, 0.5]


def stream(envs, given=None):
    """Where an environment draws seeds from if none are given; it may be set."""
    batch = getattr(envs, "_batch", envs)
    batch.np_random = given or batch.np_random
    return batch.np_random


class Lives(RuleBasedStateMachine):
    """A vector environment."""

    alone = False

    def __init__(self):
        super().__init__()
        self.envs = None

    @initialize(data=st.data(), id=st.sampled_from(IDS), mode=st.sampled_from(MODES), num_envs=st.integers(1, 5))
    def make(self, data, id, mode, num_envs):
        arguments = data.draw(arguments_of(id), "arguments")
        arguments["render_mode"] = data.draw(st.sampled_from([None, None, "rgb_array"]), "render_mode")
        if self.alone:
            self.lead, self.mode, self.B = (), AutoresetMode.DISABLED, 1
            self.envs, self.twin = (GlimpseEnv(**TASKS[id] | arguments) for _ in range(2))
        else:
            self.lead, self.mode, self.B = (num_envs,), mode, num_envs
            self.envs, self.twin = (gym.make_vec(id, num_envs, autoreset_mode=mode, **arguments) for _ in range(2))
        for each in (self.envs, self.twin):
            stream(each, np.random.default_rng(3))
        space = self.envs.action_space if self.alone else self.envs.single_action_space
        self.n, self.num_images = int(space["action"].n), self.envs.unwrapped.task.num_images
        self.drawn = arguments["render_mode"] is not None
        self.playing, self.seeded = np.zeros(self.B, np.bool_), np.zeros(self.B, np.bool_)

    # What is valid.

    @property
    def stuck(self):
        """Whether some environment waits for a reset that does not come by itself."""
        return not self.playing.all() and not (self.mode == AutoresetMode.NEXT_STEP and self.seeded.all())

    def drawn_action(self, data):
        """A valid action, as arrays: of those that rest, anything goes."""
        value = st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 1e-20]) | st.floats(-1, 1, width=32)
        location = np.reshape(data.draw(st.lists(value, min_size=2 * self.B, max_size=2 * self.B), "location"), (self.B, 2))
        choice = np.array(data.draw(st.lists(st.integers(0, self.n - 1), min_size=self.B, max_size=self.B), "action"))
        if data.draw(st.booleans()):
            location[~self.playing], choice[~self.playing] = NAN, -3
        return {"location": location.astype(np.float32).reshape(*self.lead, 2), "action": choice.reshape(self.lead)}

    @rule(data=st.data())
    def reset(self, data):
        seeds, options = [st.none(), st.integers(0, 2**64 - self.B), st.integers(0, 9).map(np.uint8)], {}
        if not self.alone:
            some = st.lists(st.none() | st.integers(0, 2**64 - 1), min_size=self.B, max_size=self.B)
            seeds += [some, some.map(tuple), st.just(np.arange(self.B, dtype=np.uint8))]
            masks = st.lists(st.booleans(), min_size=self.B, max_size=self.B).filter(any)
            options["reset_mask"] = masks.map(np.array)
        if self.num_images:
            index = st.integers(0, self.num_images - 1)
            options["index"] = (
                st.none()
                | index
                | st.lists(index, min_size=self.B, max_size=self.B).map(lambda found: found if self.lead else found[0])
            )
        optional = {"seed": st.one_of(seeds), "options": st.none() | st.fixed_dictionaries({}, optional=options)}
        given = data.draw(st.fixed_dictionaries({}, optional=optional), "arguments")
        mine, theirs = self.envs.reset(**copy.deepcopy(given)), self.twin.reset(**given)
        assert_identical(mine, theirs)
        assert mine[0] in self.envs.observation_space
        mask = (given.get("options") or {}).get("reset_mask", np.ones(self.B, np.bool_))
        self.playing |= mask
        self.seeded |= mask

    @rule(data=st.data(), dtypes=st.sampled_from([("f4", "i8"), ("f8", "i4"), ("f2", "u1"), ("f4", "u8"), None]))
    def step(self, data, dtypes):
        action = self.drawn_action(data)
        if dtypes:
            good = {"location": action["location"].astype(dtypes[0]), "action": action["action"].astype(dtypes[1])}
        else:
            good = {key: value.tolist() for key, value in action.items()}
        if self.stuck:
            with pytest.raises(gym.error.ResetNeeded, match=r"reset\(\) first"):
                self.envs.step(good)
            return
        mine, theirs = self.envs.step(good), self.twin.step(copy.deepcopy(good))
        assert_identical(mine, theirs)
        observation, reward, ended, truncated, _ = mine
        assert observation in self.envs.observation_space
        rests = ~self.playing
        ended = np.logical_or(ended, truncated)
        assert not np.reshape(ended, -1)[rests].any()
        assert not np.reshape(reward, -1)[rests].any()
        self.playing[:] = self.mode == AutoresetMode.SAME_STEP or ~np.reshape(ended, -1)

    @precondition(lambda self: self.drawn)
    @rule(seed=st.integers(0, 9))
    def believe_and_render(self, seed):
        beliefs = np.random.default_rng(seed).dirichlet(np.ones(self.n), self.lead or None)
        for each in (self.envs, self.twin):
            each.believe(beliefs)
        if self.playing.all():
            assert_identical(self.envs.render(), self.twin.render())

    @rule()
    def close(self):
        """It closes the window alone: the environment goes on."""
        self.envs.close()

    # What is not.

    @rule(data=st.data())
    def step_of_no_action(self, data):
        action = self.drawn_action(data)
        shape = (*self.lead, 2)
        bad = data.draw(
            st.one_of(
                NO_ACTIONS,
                st.sampled_from(["location", "action"]).map(lambda key: {key: action[key]}),
                st.just({**action, "class": action["action"]}),
                refused_locations(shape).map(lambda it: {**action, "location": it}),
                refused_choices(self.lead).map(lambda it: {**action, "action": it}),
            ),
            "bad",
        )
        with pytest.raises(ValueError, match=r"^(An action|location|action) must be .*got"):
            self.envs.step(bad)

    @precondition(lambda self: self.playing.any())
    @rule(data=st.data())
    def step_out_of_range(self, data):
        action = self.drawn_action(data)
        row = data.draw(st.sampled_from(np.flatnonzero(self.playing).tolist()), "row")
        if data.draw(st.booleans(), "location"):
            action["location"] = action["location"].astype(data.draw(st.sampled_from(["f4", "f8"]), "dtype"))
            place = (*((row,) if self.lead else ()), data.draw(st.integers(0, 1), "axis"))
            value = data.draw(st.sampled_from(FAR), "value")
            with np.errstate(over="ignore"):
                action["location"][place] = value
        else:
            value = data.draw(st.sampled_from([self.n, -1, -(2**63), 2**62, 2**63, 2**64 - 1]), "value")
            action["action"] = action["action"].astype(np.uint64 if value >= 2**63 else np.int64)
            action["action"][(row,) if self.lead else ()] = value
        expected = gym.error.ResetNeeded if self.stuck else ValueError
        with pytest.raises(expected, match=r"reset\(\) first" if self.stuck else r"^Environment \d got location=.*must lie in"):
            self.envs.step(action)

    @rule(data=st.data())
    def refused_reset(self, data):
        good_index = 0 if self.num_images else None
        sized = st.lists(st.integers(0, 9), max_size=7).filter(lambda found: self.alone or len(found) != self.B)
        seeds = st.sampled_from(NO_SEEDS) | sized
        options = st.sampled_from(NO_OPTIONS) | (st.sampled_from(NO_INDICES) | sized).map(lambda it: {"index": it})
        if not self.num_images:
            options |= st.just({"index": 0})
        if self.alone:
            options |= st.sampled_from([[0], np.zeros(1, int)]).map(lambda it: {"index": it})
            options |= st.just({"reset_mask": np.ones(1, np.bool_)})
        else:
            seeds |= st.just(2**64 - self.B + 1).filter(lambda it: self.B > 1)
            seeds |= st.sampled_from(NO_SEEDS).map(lambda it: [4] * (self.B - 1) + [it])
            masks = [None, 1, [True] * self.B, *(np.ones(self.B, t) for t in (int, object)), np.zeros(self.B, np.bool_)]
            masks += [np.ones(self.B + 1, np.bool_), np.ones((self.B, 1), np.bool_), np.True_, "all", np.ones(0, np.bool_)]
            options |= st.sampled_from(masks).map(lambda it: {"reset_mask": it, "index": good_index})
        bad = data.draw(
            st.one_of(
                seeds.map(lambda it: {"seed": it}),
                options.map(lambda it: {"options": it}),
                st.builds(lambda seed, it: {"seed": seed, "options": it}, st.none() | st.integers(0, 9), options),
                seeds.map(lambda it: {"seed": it, "options": {"index": good_index}}),
            ),
            "bad",
        )
        with pytest.raises(ValueError, match=r"(seed|options|option).* got|Unknown options|leave it out"):
            self.envs.reset(**bad)

    @rule(data=st.data())
    def refused_belief(self, data):
        shape = (*self.lead, self.n)
        bad = data.draw(
            st.one_of(
                st.sampled_from([None, "sure", {}, [[0.5], [0.5, 0.5]], 0.5, np.zeros(shape, "U1"), np.full(shape, 1j)]),
                st.sampled_from([NAN, INF, -0.1, 1.1]).map(lambda it: np.full(shape, it)),
                other_than(shape).map(np.zeros),
            ),
            "bad",
        )
        with pytest.raises(ValueError, match="beliefs must be"):
            self.envs.believe(bad)

    def teardown(self):
        """Both go on alike, and would draw the same seeds."""
        if self.envs is not None:
            assert_identical(self.envs.reset(), self.twin.reset())
            action = {"location": np.zeros((*self.lead, 2), np.float32), "action": np.zeros(self.lead, np.int64)}
            assert_identical(self.envs.step(action), self.twin.step(action))
            assert stream(self.envs).random() == stream(self.twin).random()


class LivesAlone(Lives):
    """A single environment."""

    alone = True


TestLives = Lives.TestCase
TestLivesAlone = LivesAlone.TestCase


# Arguments: one of an id's is replaced by anything; it is refused, by its name, if and only if it is not valid.


def whole(least, most=2**31 - 1):
    return lambda v: isinstance(v, int | np.integer) and not isinstance(v, bool) and least <= v <= most


def real(least, most=INF):
    numbers = int | float | np.integer | np.floating
    return lambda v: isinstance(v, numbers) and not isinstance(v, bool) and least <= v <= most and v != INF and v is not VAST


def one_of(*values):
    return lambda v: any(v is value or (isinstance(v, str) and v == value) for value in values)


def pair_or(valid, numbers):
    return lambda v: valid(v) or (isinstance(v, tuple | list) and len(v) == 2 and all(map(numbers, v)))


def levels(v):
    return isinstance(v, tuple | list) and len(v) > 0 and all(map(whole(1, 256), v)) and len(set(v)) == len(v)


ANY = {
    "num_envs": whole(1),
    "world": lambda v: False,  # the valid ones have other arguments, and are not tried
    "patch_size": lambda v: False,  # up to the scene, see below
    "num_scales": whole(1, 9),
    "scale_factor": whole(2, 2**15),
    "initial_fixation": pair_or(one_of("random", "center"), real(-1, 1)),
    "location_mode": one_of("absolute", "relative", "glimpse"),
    "zooms": lambda v: v is None or levels(v),
    "zoom_cost": real(0, 0),  # more needs zooms, and a task whose score is the return
    "max_step": lambda v: v is None or (real(0, 2)(v) and v != 0),
    "canvas": lambda v: v is None or v == "scene" or whole(1, 2048)(v),
    "observe": one_of("glimpse", "scene"),
    "render_mode": one_of(None, "rgb_array"),
    "render_size": whole(1),
    "max_episode_steps": lambda v: v is None or whole(1)(v),
    "autoreset_mode": one_of(*MODES, "NextStep", "SameStep", "Disabled"),
    "num_threads": whole(1),
}
OF_IMAGES = {
    "split": one_of(None, "train", "validation", "test", "train+validation"),
    "num_classes": one_of(None),
    "image_size": one_of(None),
}
VARIATIONS = {
    "rotation": real(0, 180),
    "scale": real(1, 4),
    "shear": real(0, 1),
    "shift": real(0),
    "contrast": real(0, 1),
    "noise": real(0, 1),
}
OF_WORLDS = {
    "classification": {
        **OF_IMAGES,
        **VARIATIONS,
        "scene_size": pair_or(lambda v: v is None or whole(28)(v), whole(28)),
        "translate": lambda v: isinstance(v, bool | np.bool_),
        "num_clutter": whole(0),
        "clutter_size": whole(1, 28),
        "num_glimpses": whole(1),
        "reward": one_of("final", "every"),
        "decide": one_of("end", "anytime"),
        "glimpse_cost": lambda v: real(0, 0)(v),  # more needs decide="anytime"
    },
    "catch": {
        "scene_size": pair_or(whole(6), whole(6)),
        "num_balls": whole(1),
        "paddle_width": whole(1, 24),
        "speed": whole(1, 23),
    },
    "sequence": {
        **OF_IMAGES,
        **VARIATIONS,
        "scene_size": pair_or(whole(56), whole(56)),
        "num_digits": whole(1, 3),
        "overlap": lambda v: isinstance(v, bool | np.bool_),
        "glimpses_per_answer": whole(1),
        "search_glimpses": whole(0),
    },
    "search": {
        **OF_IMAGES,
        **VARIATIONS,
        "scene_size": pair_or(whole(41), whole(41)),
        "shrink": whole(2, 28),
        "num_distractors": whole(0, 3),
        "grid": whole(1, 48),
        "radius": lambda v: v is None or (real(0)(v) and v != 0),
        "num_glimpses": whole(1),
    },
    "circle_square": {
        "scene_size": pair_or(whole(9), whole(9)),
        "figure_size": whole(3, 28),
        "cut": lambda v: isinstance(v, bool | np.bool_),
        "gradient": real(0, 1),
        "num_glimpses": whole(1),
    },
}
VAST = 10**400  # beyond all floats
JUNK = [
    None,
    True,
    False,
    np.True_,
    "",
    "many",
    "2",
    b"2",
    1j,
    [],
    (),
    {},
    set(),
    object(),
    len,
    decimal.Decimal(1),
    ["1", "1"],
]
JUNK += [np.array([[1]]), np.array("2020", "M8"), (NAN, 0), (0, 1.5), (1, 2, 3), ("a", "b"), (True, False), [[1], [2, 3]]]
NUMBERS = [-(2**70), VAST, -1, 0, 1, 2, 3, 6, 7, 200, 10**12, 2**70, 0.0, -0.0, 0.5, 1.0, 1.5, 2.5, NAN, INF, -INF, 1e300]
NUMBERS += [np.int8(3), np.uint8(2), np.int64(-1), np.float32(0.5), np.float64(NAN), np.float16(1), (0.5, -0.5), (200, 201)]
WORDS = ["random", "center", "scene", "absolute", "relative", "final", "every", "end", "anytime", "train", "test", "rgb_array"]
WORDS += ["atari", *MODES, "NextStep", "Disabled", "train+validation", "ansi"]


@given(data=st.data(), id=st.sampled_from(IDS), alone=st.booleans())
def test_an_argument_is_valid_or_refused_by_its_name(data, id, alone):
    world = TASKS[id].get("world", "classification")
    rules = ANY | OF_WORLDS.get(world, {})
    names = [name for name in rules if not (alone and name in ("num_envs", "autoreset_mode"))]
    name = data.draw(st.sampled_from(names), "name")
    value = data.draw(st.sampled_from(JUNK) | st.sampled_from(NUMBERS) | st.sampled_from(WORDS), "value")
    clutter = {"num_clutter": 1} if world == "classification" else {}
    arguments = {**TASKS[id], **clutter, name: value}
    make = GlimpseEnv if alone else GlimpseVectorEnv
    valid = rules[name](value)
    if name == "patch_size":
        valid = whole(1, TASKS[id].get("scene_size", 24))(value)
    if valid and value and name in ("num_scales", "scale_factor", "zooms"):  # the coarsest cell counts
        of = {"scale_factor": 2, "zooms": (1,), **TASKS[id], name: value}
        valid = max(of["zooms"]) * of["scale_factor"] ** (of["num_scales"] - 1) <= 256
    if not valid:
        with pytest.raises(ValueError, match=rf"\b{name}\b"):
            make(**arguments)
        return
    env = make(**arguments)
    assert env.reset(seed=0)[0] in env.observation_space
    assert env.step(env.action_space.sample())[0] in env.observation_space


def test_every_argument_is_tried():
    """A new argument is to be added here; a new world may be."""
    elsewhere = {"world_arguments", "retina", "split"}  # test_log_polar; OF_WORLDS, which have it of their own
    assert set(inspect.signature(GlimpseVectorEnv).parameters) - elsewhere == set(ANY)
    for world, rules in OF_WORLDS.items():
        own = set(inspect.signature(worlds.find(world)).parameters) - {"num_envs", "num_threads"}
        assert own - {"dataset"} == set(rules)
