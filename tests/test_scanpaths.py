"""Scan paths: what is recorded is what happened, files keep it, and metrics give the values of their papers and packages."""

import csv
import dataclasses

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.vector import AutoresetMode
from rollouts import actions_of, vector

from glimpse_env.scanpaths import METRICS, RecordScanpaths, Scanpaths, compare, edit_score, multimatch, nss, record, scanmatch
from glimpse_env.scanpaths.metrics import fixation_density, needleman_wunsch
from glimpse_env.scanpaths.table import COLUMNS

CLUTTERED = "Glimpse-ClutteredMNIST-v0"


class Expert:
    """Looks at random, and names the right class at once."""

    def __init__(self, envs):
        self.envs, self.rng, self.played = envs, np.random.default_rng(0), []

    def predict(self, observation, state, start):
        action = actions_of(self.envs, self.rng)
        self.played.append((observation["fixation"], action))
        return action, state


# Recording.


@pytest.mark.parametrize("mode", list(AutoresetMode), ids=lambda mode: mode.name)
def test_a_row_is_a_fixation_and_what_was_done_after_it(mode):
    """Episodes of different lengths, in any autoreset mode, row by row, with zooms and beliefs."""
    envs = RecordScanpaths(vector(CLUTTERED, 3, mode, decide="anytime", zooms=(2, 1, 3)))
    observation, info = envs.reset(seed=0)
    rng, expected, number = np.random.default_rng(1), [], 3
    labels = info["label"]
    episode, t, playing = np.arange(3), np.ones(3, int), np.ones(3, np.bool_)
    for _ in range(25):
        beliefs = rng.dirichlet(np.ones(11), 3)
        envs.believe(beliefs)
        action = actions_of(envs, rng)
        places = envs.unwrapped.world.places.copy()
        before = observation
        observation, rewards, ended, _, info = envs.step(action)
        for i in np.flatnonzero(playing):
            zoom = (2, 1, 3)[before["zoom_level"][i].argmax()]
            x, y = before["fixation"][i]
            row = episode[i], t[i], x, y, zoom, action["action"][i], rewards[i], beliefs[i, labels[i]], *places[i], 28, 28
            expected.append([float(value) for value in row])
        over = playing & ended
        t += 1
        if mode == AutoresetMode.SAME_STEP:
            begun = over
        elif mode == AutoresetMode.NEXT_STEP:
            begun = ~playing
            playing = ~over
        else:
            begun = over
            if over.any():
                observation, info = envs.reset(options={"reset_mask": over.copy()})
        labels = np.where(info["_label"], info["label"], labels)
        for i in np.flatnonzero(begun):
            episode[i], t[i] = number, 1
            number += 1
    found = envs.scanpaths()
    names = ["episode", "t", "x", "y", "zoom", "action", "reward", "p_right"]
    names += ["target_x", "target_y", "target_width", "target_height"]
    np.testing.assert_array_equal(np.stack([found[name] for name in names], 1), np.array(sorted(expected)))
    np.testing.assert_allclose(found["start_x"], (found["x"] + 1) * 30)
    assert found.scene_size == (60, 60)


def test_record_plays_each_image_once():
    images = np.random.default_rng(0).integers(0, 256, (7, 9, 9), np.uint8), np.arange(7) % 2
    envs = gym.make_vec("Glimpse-MNIST-v0", 3, dataset=images, patch_size=4, decide="anytime")
    expert = Expert(envs)
    found = record(envs, expert)
    assert np.unique(found["episode"]).tolist() == list(range(7))
    for episode, path in found.paths.items():
        observation, _ = envs.reset(seed=list(range(episode, episode + 3)), options={"index": np.full(3, episode)})
        np.testing.assert_allclose(path[0, :2], (observation["fixation"][0] + 1) / 2 * 9, rtol=1e-6)
    ends = np.flatnonzero(np.diff(found["episode"], append=7))
    assert (found["t"][ends] == [len(path) for path in found.paths.values()]).all()
    assert len(np.unique(found["t"][ends])) > 1, "lengths differ"
    assert len(record(envs, expert, num_episodes=2).paths) == 2


def test_record_plays_episodes_of_a_task_without_images():
    envs = vector("Glimpse-Catch-v0", 4)
    assert list(record(envs, Expert(envs), num_episodes=6).paths) == list(range(6))
    with pytest.raises(ValueError, match="autoreset_mode='NextStep'"):
        record(vector(CLUTTERED, 2, "SameStep"), None)


def test_evaluate_records_the_agent(tmp_path, capsys, monkeypatch):
    pytest.importorskip("torch")
    from agents import cli, evaluation, weights

    model, config = weights.load("Glimpse-CircleSquare-v0")
    config = dataclasses.replace(config, num_test_episodes=700)
    monkeypatch.setattr(weights, "load", lambda *_: (model, config))
    monkeypatch.setattr(evaluation, "report", lambda *_: "")
    path = tmp_path / "paths.csv"
    cli.main(["evaluate", "--weights", "Glimpse-CircleSquare-v0", "--scanpaths", str(path)])
    assert f"{path}: 5,600 fixations" in capsys.readouterr().out
    found = Scanpaths.load(path)
    assert len(found.paths) == 700
    assert found["p_right"].min() >= 0
    last = found["t"] == 8
    assert (found["reward"][last] == 1).mean() > 0.99
    assert found["p_right"][last].mean() > 0.99
    assert found.statistics()["found"] > 0.9
    with pytest.raises(SystemExit, match=r"must end with \.csv, \.tsv or \.parquet"):
        cli.main(["evaluate", "--weights", "Glimpse-CircleSquare-v0", "--scanpaths", "paths.txt"])


# Files.

TABLE = Scanpaths.of(
    {
        "episode": [4, 4, 9, 4],
        "start_x": [1.5, 20.0, 30.25, 4.0],
        "start_y": [0.5, 10.0, 9.0, 5.0],
        "p_right": [0.1, 0.5, 1, 0],
    },
    (20, 40),
)


def same(one, other):
    for name in COLUMNS:
        assert one[name].dtype == other[name].dtype == COLUMNS[name]
        np.testing.assert_array_equal(one[name], other[name], err_msg=name)


@pytest.mark.parametrize("kind", ["csv", "tsv", "TSV", "parquet"])
def test_files_keep_everything(tmp_path, kind):
    if kind == "parquet":
        pytest.importorskip("pyarrow")
    TABLE.save(tmp_path / f"a.{kind}")
    same(Scanpaths.load(tmp_path / f"a.{kind}"), TABLE)
    assert kind.lower() != "tsv" or "episode\tt\t" in (tmp_path / f"a.{kind}").read_text()
    assert [path.name for path in tmp_path.iterdir()] == [f"a.{kind}"]


def test_the_header_has_the_names_that_eye_tracking_packages_read(tmp_path):
    TABLE.save(tmp_path / "a.csv")
    with open(tmp_path / "a.csv", newline="") as file:
        header = next(csv.reader(file))
    assert header == list(COLUMNS)
    assert header[2:5] == ["start_x", "start_y", "duration"]  # of multimatch-gaze


def test_recordings_of_people_are_read_by_their_own_names(tmp_path):
    path = tmp_path / "people.tsv"
    path.write_text("TRIAL\tFIX_X\tFIX_Y\tpupil\nface\t10\t5\tsmall\nface\t30\t15\tlarge\nhouse\t0\t0\tlarge\n")
    found = Scanpaths.load(path, names={"TRIAL": "episode", "FIX_X": "start_x", "FIX_Y": "start_y"}, scene_size=(20, 40))
    assert found["episode"].tolist() == [0, 0, 1]
    assert found["t"].tolist() == [1, 2, 1]
    assert found["x"].tolist() == [-0.5, 0.5, -1]
    assert np.isnan(found["p_right"]).all()


@pytest.mark.parametrize(
    ("names", "numbers"),
    [
        (["7", "5", "7.0"], [7, 5, 7]),
        (["1.1", "1.2", "1.1"], [0, 1, 0]),
        (["2", "nan", "2"], [0, 1, 0]),
        (["9007199254740993", "9007199254740992", "3"], [0, 1, 2]),
    ],
    ids=str,
)
def test_episodes_are_numbered_if_not_all_are_integers(tmp_path, names, numbers):
    (tmp_path / "a.csv").write_text("".join(f"{name},0,0\n" for name in ("episode,x,y", *names)).replace("y,0,0", "y"))
    assert Scanpaths.load(tmp_path / "a.csv", scene_size=(9, 9))["episode"].tolist() == numbers
    assert Scanpaths.of({"episode": names, "x": [0] * 3, "y": [0] * 3}, (9, 9))["episode"].tolist() == numbers


@pytest.mark.parametrize(
    ("text", "arguments", "message"),
    [
        ("x,y\n", {}, "has no rows"),
        ("x,z\n1,2\n", {}, r"need the columns start_x and start_y, or x and y, got \['x'\]"),
        ("x,y\n0,0\n", {}, r"give scene_size=\(H, W\)"),
        ("x,y\n0,left\n", {"scene_size": (9, 9)}, "left"),
        ("x,y\n0,0\n", {"names": {"X": "start_x"}}, r"has no columns \['X'\], but x, y"),
    ],
)
def test_bad_files(tmp_path, text, arguments, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=message):
        Scanpaths.load(tmp_path / "a.csv", **arguments)


def test_other_bad_input(tmp_path):
    with pytest.raises(ValueError, match=r"must end with \.csv, \.tsv or \.parquet"):
        TABLE.save(tmp_path / "a.txt")
    with pytest.raises(ValueError, match=r"No fixation is recorded yet: .* take one first"):
        RecordScanpaths(vector(CLUTTERED, 2)).scanpaths()
    with pytest.raises(ValueError, match="All columns must be of one length"):
        Scanpaths.of({"x": [0], "y": [0, 1]}, (9, 9))
    with pytest.raises(ValueError, match="Unknown metric 'auc': use one of 'multimatch'"):
        compare(TABLE, TABLE, "auc")
    other = Scanpaths.of({"episode": [1], "x": [0], "y": [0]}, (20, 40))
    with pytest.raises(ValueError, match="no episode in common"):
        compare(TABLE, other)
    with pytest.raises(ValueError, match="other sizes"):
        compare(TABLE, Scanpaths.of({"x": [0], "y": [0]}, (9, 9)))
    with pytest.raises(ValueError, match="The map is constant"):
        nss(np.ones((3, 3)), np.zeros((1, 3)))


# Statistics, by hand.


def test_statistics():
    columns = {
        "episode": [0, 0, 0, 1, 1],
        "start_x": [10.0, 40, 40, 5, 95],
        "start_y": [10.0, 50, 53, 5, 5],
        "target_x": [35.0, 35, 35, 0, 0],
        "target_y": [45.0, 45, 45, 90, 90],
        "target_width": [10.0] * 5,
        "target_height": [10.0] * 5,
    }
    found = Scanpaths.of(columns, (100, 100)).statistics(grid=10, radius=5)
    assert found == pytest.approx(
        {
            "fixations": 2.5,
            "saccade_length": ((50 + 3) / 2 + 90) / 2,
            "coverage": (2 + 2) / 2 / 100,
            "revisits": (1 / 3 + 0) / 2,
            "on_target": (2 / 3 + 0) / 2,
            "found": 0.5,
        }
    )
    assert np.isnan(TABLE.statistics()["on_target"])


# Metrics, against literal values.

ONE = np.array([(100, 100, 1), (400, 150, 1), (300, 400, 2), (600, 500, 1), (620, 80, 1)], float)
TWO = np.array([(120, 90, 1), (390, 170, 2), (250, 420, 1), (640, 470, 1)], float)
SIZE = (600, 800)


def test_multimatch_gives_what_multimatch_gaze_gives():
    """``multimatch_gaze.docomparison(ONE, TWO, [800, 600])`` of version 0.1.3."""
    expected = [0.9636543229297343, 0.9483983162783157, 0.9750902872429204, 0.9618938360768285, 0.75]
    assert list(multimatch(ONE, TWO, SIZE).values()) == pytest.approx(expected, abs=1e-12)
    assert list(multimatch(ONE, ONE, SIZE).values()) == [1] * 5
    assert np.isnan(list(multimatch(ONE[:2], TWO, SIZE).values())).all()
    rng = np.random.default_rng(0)
    package = pytest.importorskip("multimatch_gaze")
    kind = [("start_x", float), ("start_y", float), ("duration", float)]
    for n in range(3, 30):
        one, two = (rng.uniform(0, 1, (m, 3)) * (800, 600, 1) for m in (n, 33 - n))
        expected = package.docomparison(*(np.array([*map(tuple, path)], kind) for path in (one, two)), [800, 600])
        assert list(multimatch(one, two, SIZE).values()) == pytest.approx(expected)


def letters(word):
    return np.frombuffer(word.encode(), np.uint8)


@pytest.mark.parametrize(
    ("one", "other", "match", "gap", "expected"),
    [
        ("GATTACA", "GCATGCU", 1, -1, 0),  # the example of Wikipedia's page on the algorithm
        ("kitten", "sitting", 0, -1, -3),  # the usual example of the edit distance
        ("intention", "execution", 0, -1, -5),  # Jurafsky & Martin, Speech and Language Processing, chapter 2
    ],
)
def test_alignment_gives_the_textbooks_values(one, other, match, gap, expected):
    """A mismatch costs as much as a gap."""
    scores = np.where(letters(one)[:, None] == letters(other), float(match), -1.0)
    assert needleman_wunsch(scores, gap) == expected
    assert needleman_wunsch(scores.T, gap) == expected


def spots(*cells, columns=8, rows=8):
    """A path through the middles of cells (column, row) of 10 pixels."""
    return np.array([(10 * x + 5, 10 * y + 5, 1) for x, y in cells], float)


def test_scanmatch_by_hand():
    """Substitution scores as in the authors' ScanMatch_CreateSubMatrix: the threshold less the distance of the cells."""
    one, two = spots((0, 0), (3, 0), (3, 4)), spots((0, 0), (3, 4))
    grid = {"grid": (8, 8), "threshold": 3.5}
    assert scanmatch(one, one, (80, 80), **grid) == 1
    assert scanmatch(one, two, (80, 80), **grid) == pytest.approx(7 / 10.5)  # the middle one has no partner
    assert scanmatch(spots((0, 0)), spots((1, 1)), (80, 80), **grid) == pytest.approx((3.5 - 2**0.5) / 3.5)
    assert scanmatch(spots((0, 0)), spots((7, 7)), (80, 80), **grid) == 0  # rather two gaps


def test_edit_score_by_hand():
    one, two = spots((0, 0), (1, 0), (2, 2), (4, 4)), spots((0, 0), (2, 2), (4, 3))
    assert edit_score(one, two, (50, 50)) == 1 - 2 / 4  # delete one, replace one
    assert edit_score(one, one, (50, 50)) == 1


def test_nss_by_hand():
    density = np.array([[0.0, 0, 0], [0, 0, 4]])
    deviation = np.sqrt((5 * (2 / 3) ** 2 + (10 / 3) ** 2) / 6)
    path = np.array([(2.5, 1.5, 1), (0.5, 0.5, 1)])
    assert nss(density, path) == pytest.approx((10 / 3 - 2 / 3) / 2 / deviation)
    blurred = fixation_density([path[:1]], (2, 3), 0.5)
    assert blurred.shape == (2, 3)
    assert blurred[1, 2] == 1
    assert blurred[1, 1] == pytest.approx(np.exp(-2))


def test_compare_means_over_common_episodes():
    columns = {"episode": np.repeat([0, 1, 2], 4), "start_x": np.tile(ONE[:4, 0], 3), "start_y": np.tile(ONE[:4, 1], 3)}
    one = Scanpaths.of(columns, SIZE)
    moved = Scanpaths.of({**columns, "start_y": columns["start_y"] + 50 * (columns["episode"] == 1)}, SIZE)
    moved = Scanpaths({name: values[one["episode"] > 0] for name, values in moved.columns.items()})
    found = compare(one, moved)
    assert found["episodes"] == 2
    assert found["position"] == pytest.approx(1 - 50 / 1000 / 2)
    assert found["shape"] == 1
    for metric in METRICS:
        assert compare(one, one, metric)["episodes"] == 3
    assert compare(one, one, "nss")["nss"] > compare(one, moved, "nss")["nss"] > 1
