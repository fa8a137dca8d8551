"""The world of several images in a row: how scenes are laid out, what is asked for and scored, what the agent sees of it."""

import dataclasses
import itertools

import gymnasium as gym
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents import environments, evaluation, models, ram
from agents.episodes import joined
from agents.policy import Noise, Policy
from agents.presets import preset
from agents.rollout import collect
from glimpse_env import GlimpseEnv
from glimpse_env.worlds.sequence import SequenceWorld

ID = "Glimpse-MultiMNIST-v0"
# Image j is of class j and its pixels are j + 1: a scene tells what lies where.
IMAGES = np.arange(1, 6, dtype=np.uint8)[:, None, None].repeat(4, 1).repeat(3, 2)
END = 5


def begun(num_envs=1, seed=0, indices=None, **arguments):
    world = SequenceWorld(num_envs, dataset=(IMAGES, np.arange(5)), **{"scene_size": 20, **arguments})
    world.reset(np.arange(num_envs), np.random.default_rng(seed).random((num_envs, world.num_draws)), indices)
    return world


def answers(world, row=0):
    """What is asked for in an episode, answered rightly: a label a step, whether it is scored, and the rewards."""
    labels, scored, rewards = [], [], []
    playing = np.arange(len(world.scenes)) == row
    while True:
        info = world.info()
        labels.append(int(info["label"][row]))
        scored.append(bool(info["scored"][row]))
        reward, ended = world.step(info["label"], playing)
        rewards.append(float(reward[row]))
        if ended[row]:
            return labels, scored, rewards


@settings(deadline=None, max_examples=60)
@given(st.integers(1, 5), st.integers(0, 4), st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**32 - 1), st.booleans())
def test_images_lie_whole_side_by_side_and_are_asked_for_from_left_to_right(fewest, more, right, below, seed, ranged):
    most = fewest + more if ranged else fewest
    num_digits = (fewest, most) if ranged else fewest
    world = begun(6, seed, num_digits=num_digits, scene_size=(4 + below, 3 * most + right), glimpses_per_answer=1)
    for row, scene in enumerate(world.scenes[..., 0]):
        labels, scored, rewards = answers(world, row)
        digits = labels[:-1] if ranged else labels
        assert fewest <= len(digits) <= most
        assert labels[len(digits) :] == [END] * ranged
        assert all(scored)
        assert rewards == [1 / len(labels)] * len(labels)
        assert (scene > 0).sum() == 12 * len(digits)
        expected = np.zeros_like(scene)
        lefts = [left for left, _ in world.places[row, : len(digits)]]
        assert all(one + 3 <= other for one, other in itertools.pairwise(lefts))
        for digit, (left, top) in zip(digits, world.places[row], strict=False):
            expected[top : top + 4, left : left + 3] = digit + 1
        np.testing.assert_array_equal(scene, expected)


def test_overlapping_images_add_up_and_are_asked_for_by_their_left_edges():
    world = begun(400, num_digits=3, scene_size=(4, 7), overlap=True, glimpses_per_answer=1)
    for place, images in enumerate(world.places.transpose(1, 2, 0)[:, 0]):
        assert set(images) == {place, place + 1, place + 2}  # anywhere, so that another one fits on each side
    for row, scene in enumerate(world.scenes[..., 0]):
        digits, places = answers(world, row)[0], world.places[row]
        assert (np.diff(places[:, 0]) >= 1).all()
        expected = np.zeros_like(scene)
        for digit, (left, top) in zip(digits, places, strict=True):
            expected[top : top + 4, left : left + 3] += digit + 1
        np.testing.assert_array_equal(scene, expected)


def test_the_order_of_overlapping_digits_can_be_seen():
    envs = gym.make_vec("Glimpse-MultiMNIST-v0", num_envs=2000, overlap=True)
    envs.reset(seed=0)
    apart = np.diff(envs.unwrapped.world.places[..., 0])
    assert apart.min() == 7  # of 28
    assert apart.max() > 65
    assert (apart < 28).mean() > 0.4


def test_every_number_place_and_image_is_drawn():
    world = begun(4000, num_digits=(1, 3), scene_size=(6, 11))
    counts = world._num_answers - 1
    assert np.abs(np.bincount(counts, minlength=4)[1:] - 4000 / 3).max() < 130
    pairs = world.places[counts == 2]
    assert set(pairs[:, 0, 0]) == set(range(6))
    assert set(pairs[:, 1, 0]) == set(range(3, 9))
    assert set(pairs[..., 1].ravel()) == set(range(3))
    assert (np.bincount(world._labels[:, 0]) > 700).all()


def test_only_images_that_are_laid_are_read_and_each_once():
    read = []

    class Pairs(list):
        def __getitem__(self, i):
            read.append(i)
            return super().__getitem__(i)

    arguments = {"num_digits": (1, 5), "scene_size": 20}
    world, other = SequenceWorld(1, dataset=Pairs(zip(IMAGES, range(5), strict=True)), **arguments), begun(**arguments)
    for seed in range(20):
        read.clear()
        for each in (world, other):
            each.reset(np.zeros(1, int), np.random.default_rng(seed).random((1, world.num_draws)), None)
        np.testing.assert_array_equal(world.scenes, other.scenes)
        assert sorted(read) == [value - 1 for value in np.unique(world.scenes) if value]


def test_index_is_the_leftmost_image():
    world = begun(5, num_digits=3, indices=np.array([4, 3, 2, 1, 0]))
    assert world.info()["label"].tolist() == [4, 3, 2, 1, 0]
    assert [scene[:, left].max() for scene, left in zip(world.scenes[..., 0], world.places[:, 0, 0], strict=True)] == [
        5,
        4,
        3,
        2,
        1,
    ]


def test_the_answer_is_the_action_at_the_last_of_its_glimpses():
    world = begun(num_digits=2, glimpses_per_answer=3, search_glimpses=2)
    assert world.task.num_glimpses == 8
    labels, scored, rewards = answers(world)
    first, second = labels[0], labels[-1]
    assert labels == [first] * 5 + [second] * 3
    assert scored == [False] * 4 + [True] + [False] * 2 + [True]
    assert rewards == [0] * 4 + [0.5] + [0] * 2 + [0.5]
    assert {name: value.item() for name, value in world.final_info().items()} == {"correct": True, "mean_accuracy": 1}


def played(actions, **arguments):
    """One episode with these actions at the answers, as offsets from the right class: rewards, ends and how it went."""
    world = begun(glimpses_per_answer=1, **arguments)
    steps = []
    for offset in actions:
        label = world.info()["label"]
        action = np.full_like(label, offset) if offset == END else (label + offset) % 5
        steps.append([part.item() for part in world.step(action, np.array([True]))])
    return *zip(*steps, strict=True), {name: value.item() for name, value in world.final_info().items()}


def test_a_wrong_answer_costs_its_own_share_and_the_sequence():
    rewards, ends, how = played([0, 1, 0], num_digits=3)
    assert rewards == (1 / 3, 0, 1 / 3)
    assert ends == (False, False, True)
    assert how == {"correct": False, "mean_accuracy": 2 / 3}


def test_end_ends_the_episode_right_or_wrong():
    third, how = 1 / 3, {"correct": False, "mean_accuracy": 1 / 3}
    assert played([0, END], num_digits=(2, 2)) == ((third, 0), (False, True), how)
    how = {"correct": False, "mean_accuracy": 2 / 3}
    assert played([0, 0, 1], num_digits=(2, 2)) == ((third, third, 0), (False, False, True), how)
    how = {"correct": True, "mean_accuracy": 1}
    assert played([0, 0, END], num_digits=(2, 2)) == ((third, third, third), (False, False, True), how)


def test_end_is_no_action_where_the_number_is_known():
    assert begun(num_digits=2).task.action_names == ("0", "1", "2", "3", "4")
    assert begun(num_digits=(2, 2)).task.action_names == ("0", "1", "2", "3", "4", "end")


def test_rows_that_rest_are_left_alone():
    world = begun(2, num_digits=2, glimpses_per_answer=1)
    before = world.info()["label"].copy()
    rewards, ended = world.step(before, np.array([True, False]))
    assert (rewards.tolist(), ended.tolist()) == ([0.5, 0], [False, False])
    assert world.info()["label"][1] == before[1]
    world.reset(np.array([0]), np.zeros((1, world.num_draws)), None)
    assert world._hits.tolist() == [0, 0]


def test_images_vary_each_by_itself():
    images = np.full((1, 9, 9), 200, np.uint8)
    world = SequenceWorld(1, dataset=(images, [0]), scene_size=(9, 18), num_digits=2, rotation=45)
    draws = np.zeros((1, world.num_draws))
    draws[0, 7::7] = 0.5, 1.0  # the first image's angle is 0 degrees, the second's 45
    world.reset(np.array([0]), draws, None)
    left, right = world.scenes[0, :, :9, 0], world.scenes[0, :, 9:, 0]
    assert (left == 200).all()
    assert right[0, 0] == 0
    assert right[4, 4] == 200


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"num_digits": 0}, "num_digits must be at least 1, got 0"),
        ({"num_digits": (2, 1)}, "num_digits must be at least 2, got 1"),
        ({"num_digits": (1, 2, 3)}, r"num_digits must be an integer, or two: the fewest and the most, got \(1, 2, 3\)"),
        ({"num_digits": 1.5}, r"num_digits must be .*got 1\.5"),
        ({"num_digits": 4}, "num_digits=4: images of 28 pixels, 28 or more .*, do not fit into 100: .* or take overlap=True"),
        ({"num_digits": 12, "overlap": True}, "num_digits=12: images of 28 .*, 7 or more .* into 100: enlarge scene_size.$"),
        ({"overlap": 1}, "overlap must be True or False, got 1"),
        ({"glimpses_per_answer": 0}, "glimpses_per_answer must be at least 1, got 0"),
        ({"search_glimpses": -1}, "search_glimpses must be at least 0, got -1"),
        ({"rotation": 200}, r"rotation .*\[0, 180\], got 200"),
        ({"scene_size": 20}, "scene_size=20 is smaller than the images"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        GlimpseEnv(world="sequence", **arguments)


def test_misspelled_argument_is_named():
    with pytest.raises(TypeError, match=r"no argument 'num_clutter'.*It takes .*rotation"):
        GlimpseEnv(world="sequence", num_clutter=3)


# The agent.


def config_of(**changes):
    return dataclasses.replace(preset("best", ID), hidden_size=16, size=16, precision="float32", **changes)


def collected(num_envs=40, ends_at_once=False, **arguments):
    envs = environments.make_envs(config_of(), num_envs, "validation", **arguments)
    policy = Policy(models.make_model(config_of(), envs), envs.single_action_space)
    if ends_at_once:
        with torch.no_grad():
            policy.model.heads.action.bias[10] = 100  # always "end"
    return envs, policy, collect(envs, policy, envs.reset(seed=3), Noise(0, num_envs), std=0.5)


def test_labels_are_those_asked_for_at_each_step():
    envs, _, episodes = collected()
    labels = torch.from_numpy(envs.unwrapped.world._labels)
    assert episodes.labels.shape == (10, 40)
    assert episodes.labels.equal(labels.repeat_interleave(5, dim=1).T)
    assert episodes.answers.nonzero()[:, 0].unique().tolist() == [4, 9]
    assert (labels[:, 0] != labels[:, 1]).any()


def test_an_episode_is_wrong_from_its_first_wrong_answer_on():
    _, _, episodes = collected()
    named, labels = episodes.logits.argmax(-1), episodes.labels
    for row in range(40):
        for t in range(10):
            lost = bool(t >= 5 and named[4, row] != labels[4, row])
            assert episodes.wrong[t, row] == (lost or named[t, row] != labels[t, row])
    correct = (named[4] == labels[4]) & (named[9] == labels[9])
    assert (~episodes.wrong[-1]).equal(correct)


def test_an_episode_that_was_ended_too_early_is_wrong_to_the_end():
    envs, policy, episodes = collected(ends_at_once=True, num_digits=(1, 2), glimpses_per_answer=2)
    assert len(episodes.playing) == 2
    assert episodes.wrong.all()
    assert episodes.answers.tolist() == [[False] * 40, [True] * 40]
    assert evaluation.evaluate(policy, envs, "validation")[-1] == 100


def test_shorter_batches_keep_their_last_step():
    parts = [torch.tensor([[1, 2], [3, 4]]), torch.tensor([[5]])]
    assert joined(parts).tolist() == [[1, 2, 5], [3, 4, 5]]


def test_only_answers_are_trained_where_they_alone_are_scored():
    _, policy, episodes = collected()
    loss = ram.losses(episodes, policy, config_of(scored="last"), 0.5)["action"]
    losses = -episodes.logits.log_softmax(-1).gather(-1, episodes.labels.unsqueeze(-1)).squeeze(-1)
    torch.testing.assert_close(loss, losses[[4, 9]].mean())
