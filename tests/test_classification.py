"""The rules of the classification world, by hand."""

import numpy as np
import pytest

from glimpse_env import GlimpseEnv
from glimpse_env.worlds.classification import ClassificationWorld

IMAGES = np.zeros((5, 9, 9), np.uint8)
LABELS = np.arange(5)  # image j is of class j
LOOK_ON = 5


def world(num_envs=1, **arguments):
    return ClassificationWorld(num_envs, dataset=(IMAGES, LABELS), **arguments)


def begin(this, classes):
    """Begin an episode in each row, on images of these classes."""
    this.reset(np.arange(len(classes)), np.zeros((len(classes), this.num_draws)), np.asarray(classes))


def play(answers, label=2, **arguments):
    """Rewards and ends of one episode in which these classes are named, and how it went."""
    this = world(num_glimpses=arguments.pop("num_glimpses", len(answers)), **arguments)
    begin(this, [label])
    steps = [this.step(np.array([answer]), np.array([True])) for answer in answers]
    rewards, ends = zip(*((reward.item(), end.item()) for reward, end in steps), strict=True)
    return list(rewards), list(ends), {name: value.item() for name, value in this.final_info().items()}


@pytest.mark.parametrize(("last", "reward"), [(2, 1.0), (1, 0.0)])
def test_final_reward_scores_the_last_step_alone(last, reward):
    rewards, ends, how = play([2, 2, 1, last])
    assert rewards == [0, 0, 0, reward]
    assert ends == [False, False, False, True]
    assert how["correct"] is (last == 2)


def test_every_reward_scores_each_step():
    rewards, ends, how = play([2, 1, 2, 0], reward="every")
    assert rewards == [0.25, 0, 0.25, 0]
    assert ends == [False, False, False, True]
    assert how["correct"] is False


@pytest.mark.parametrize("reward", ["final", "every"])
def test_return_is_at_most_one(reward):
    assert sum(play([2] * 8, reward=reward)[0]) == 1


@pytest.mark.parametrize(
    ("answers", "first", "share"),
    [([2, 2, 2, 2], 1, 1.0), ([0, 1, 2, 0], 3, 0.25), ([0, 2, 0, 2], 2, 0.5), ([0, 1, 3, 4], 0, 0.0), ([0, 0, 0, 2], 4, 0.25)],
)
@pytest.mark.parametrize("reward", ["final", "every"])
def test_final_info(answers, first, share, reward):
    how = play(answers, reward=reward)[2]
    assert how == {"correct": answers[-1] == 2, "first_correct_glimpse": first, "mean_accuracy": share}


def test_single_glimpse():
    assert play([2])[:2] == ([1.0], [True])


def test_end_ignores_no_class_and_has_no_look_on():
    assert len(world(decide="end").task.action_names) == 5
    assert len(world(decide="anytime").task.action_names) == 6


@pytest.mark.parametrize(("answer", "reward"), [(2, 1.0), (3, 0.0)])
@pytest.mark.parametrize("looks", [0, 1, 3])
def test_anytime_naming_a_class_ends_the_episode(answer, reward, looks):
    rewards, ends, how = play([LOOK_ON] * looks + [answer], num_glimpses=4, decide="anytime")
    assert rewards == [0] * looks + [reward]
    assert ends == [False] * looks + [True]
    assert how["correct"] is (answer == 2)
    assert how["first_correct_glimpse"] == (looks + 1 if answer == 2 else 0)
    assert how["mean_accuracy"] == reward / (looks + 1)


@pytest.mark.parametrize("label", range(5))
def test_anytime_still_looking_on_at_the_last_step_is_wrong(label):
    rewards, ends, how = play([LOOK_ON] * 3, label=label, decide="anytime", glimpse_cost=0.1)
    assert rewards == [-0.1, -0.1, 0]
    assert ends == [False, False, True]
    assert how == {"correct": False, "first_correct_glimpse": 0, "mean_accuracy": 0}


def test_glimpse_cost_is_paid_for_each_further_glimpse():
    rewards, ends, _ = play([LOOK_ON, LOOK_ON, 2], num_glimpses=6, decide="anytime", glimpse_cost=0.125)
    assert rewards == [-0.125, -0.125, 1]
    assert ends == [False, False, True]
    assert play([2], num_glimpses=6, decide="anytime", glimpse_cost=0.125)[0] == [1]


def test_rows_are_scored_apart_and_resting_ones_left_alone():
    this = world(4, num_glimpses=2, decide="anytime", glimpse_cost=0.5)
    begin(this, [0, 1, 2, 3])
    rewards, ended = this.step(np.array([0, LOOK_ON, 1, 3]), np.array([True, True, True, False]))
    assert rewards.tolist() == [1, -0.5, 0, 0]
    assert ended.tolist() == [True, False, True, False]
    rewards, ended = this.step(np.array([0, 1, 0, 3]), np.array([False, True, False, True]))
    assert rewards.tolist() == [0, 1, 0, 1]
    assert ended.tolist() == [False, True, False, True]
    how = this.final_info()
    assert how["correct"].tolist() == [True, True, False, True]
    assert how["first_correct_glimpse"].tolist() == [1, 2, 0, 1]
    assert how["mean_accuracy"].tolist() == [1, 0.5, 0, 1]


def test_reset_forgets_the_last_episode_in_its_rows_alone():
    this = world(2, num_glimpses=2)
    everyone = np.ones(2, np.bool_)
    begin(this, [0, 1])
    this.step(np.array([0, 1]), everyone)
    this.reset(np.array([0]), np.zeros((1, this.num_draws)), np.array([4]))
    assert this.info()["label"].tolist() == [4, 1]
    rewards, ended = this.step(np.array([0, 1]), everyone)
    assert (rewards.tolist(), ended.tolist()) == ([0, 1], [False, True])
    assert this.final_info()["first_correct_glimpse"].tolist() == [0, 1]
    assert this.final_info()["mean_accuracy"].tolist() == [0, 1]


def test_image_is_drawn_evenly_from_the_first_draw():
    this = world(1000)
    draws = np.zeros((1000, this.num_draws))
    draws[:, 0] = np.arange(1000) / 1000
    this.reset(np.arange(1000), draws, None)
    assert this.info()["label"].tolist() == np.repeat(LABELS, 200).tolist()


def test_scene_is_the_image_of_the_label():
    images = np.arange(5, dtype=np.uint8)[:, None, None].repeat(9, 1).repeat(9, 2) + 10
    this = ClassificationWorld(5, dataset=(images, [7, 6, 5, 4, 3]))
    begin(this, [3, 1, 4, 0, 2])
    assert (this.scenes.shape, this.scenes.dtype) == ((5, 9, 9, 1), np.uint8)
    assert this.scenes[:, 4, 4, 0].tolist() == [13, 11, 14, 10, 12]
    assert this.info()["label"].tolist() == [4, 6, 3, 7, 5]
    assert len(this.task.action_names) == 8


@pytest.mark.parametrize(("scene_size", "shape"), [(None, (9, 9)), (20, (20, 20)), ((12, 30), (12, 30)), ([12, 30], (12, 30))])
def test_scene_size(scene_size, shape):
    assert world(scene_size=scene_size).scenes.shape == (1, *shape, 1)


NEEDED = {"num_clutter": 1}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"reward": "sparse"}, "'sparse'.*'final', 'every'"),
        ({"reward": None}, "None.*'final', 'every'"),
        ({"decide": "never"}, "'never'.*'end', 'anytime'"),
        ({"decide": "anytime", "reward": "every"}, "reward='every'.*decide='anytime'.*reward='final'"),
        ({"glimpse_cost": 0.1}, "glimpse_cost=0.1 needs decide='anytime'"),
        ({"decide": "anytime", "glimpse_cost": -0.1}, "glimpse_cost.* at least 0, got -0.1"),
        ({"decide": "anytime", "glimpse_cost": float("nan")}, "glimpse_cost.*finite.*got nan"),
        ({"decide": "anytime", "glimpse_cost": float("inf")}, "glimpse_cost.*finite.*got inf"),
        ({"num_glimpses": 0}, "num_glimpses.*at least 1, got 0"),
        ({"num_glimpses": 2.5}, r"num_glimpses.*integer.*got 2\.5"),
        ({"split": "dev"}, "'dev'.*'train', 'validation', 'test'"),
        ({"dataset": "cifar"}, "'cifar'.*'mnist'"),
        ({"scene_size": 8}, r"scene_size=8 is smaller than the images \(9, 9\)"),
        ({"scene_size": (20, 8)}, r"scene_size=\(20, 8\) is smaller"),
        ({"scene_size": (20,)}, r"scene_size.*\(20,\)"),
        ({"scene_size": (20, 20, 3)}, r"scene_size.*\(20, 20, 3\)"),
        ({"scene_size": 20.5}, r"scene_size.*integer.*20\.5"),
        ({"scene_size": "20"}, "scene_size.*'20'"),
        ({"num_clutter": -1}, "num_clutter.*at least 0, got -1"),
        ({"num_clutter": 1.5}, r"num_clutter.*integer.*got 1\.5"),
        ({**NEEDED, "clutter_size": 10}, r"clutter_size.*\[1, 9\].*got 10"),
        ({**NEEDED, "clutter_size": 0}, "clutter_size.*at least 1, got 0"),
        ({"translate": "no"}, "translate must be True or False, got 'no'"),
        ({**NEEDED, "clutter_size": 2.5}, r"clutter_size.*integer.*got 2\.5"),
        ({**NEEDED, "dataset": (IMAGES[:1], [0])}, "num_clutter=1.*only one"),
        ({"dataset": (IMAGES, [0, 1, 2, 3, -4])}, r"labels must lie in .*got \[-4, 3\]"),
    ],
)
def test_bad_arguments(arguments, message):
    given = {"dataset": (IMAGES, LABELS), "patch_size": 3, **arguments}
    with pytest.raises(ValueError, match=message):
        GlimpseEnv(**given)


# A curriculum: arguments changed from one episode to the next.


def test_changed_arguments_are_those_of_a_world_made_with_them():
    changes = {"num_clutter": 3, "clutter_size": 4, "rotation": 30.0, "noise": 0.1, "translate": True}
    one, other = world(4, scene_size=20, contrast=0.5), world(4, scene_size=20, contrast=0.5, **changes)
    one.set_arguments(**changes)
    assert one.num_draws == other.num_draws
    draws = np.random.default_rng(0).random((4, one.num_draws))
    for each in (one, other):
        each.reset(np.arange(4), draws, None)
    np.testing.assert_array_equal(one.scenes, other.scenes)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_clutters": 3}, r"no argument 'num_clutters'\. Did you mean 'num_clutter'\? It takes translate, .*noise"),
        ({"scene_size": 30}, r"no argument 'scene_size'\."),
        ({"num_clutter": -1}, "num_clutter must be at least 0, got -1"),
        ({"num_clutter": 2, "clutter_size": 11}, r"clutter_size .*\[1, 9\].*got 11"),
        ({"num_clutter": 2, "noise": 1.5}, r"noise must be a finite number in \[0, 1\], got 1\.5"),
    ],
)
def test_refused_changes_change_nothing(changes, message):
    this = world(num_clutter=1)
    before = this._composer
    with pytest.raises(ValueError, match=message):
        this.set_arguments(**changes)
    assert this._composer == before
