"""Evidence: a finished run is kept whole, the page is what the command writes, and a file that lacks something is refused."""

import dataclasses
import datetime
import json
import os
import pathlib
import shlex
import subprocess

import pytest

pytest.importorskip("scipy")

import tiny_task  # noqa: F401  # registers Tiny-v0
from tiny_runs import stopped_after

from agents import baselines, checkpoints, cli, environments, ram
from agents.baselines import BaselineConfig
from agents.presets import preset
from benchmarks import comparison, evidence, page, reproduce
from benchmarks.evidence import Evidence, Run, Shipped
from glimpse_env import TASKS

ID = "tiny_task:Tiny-v0"
RUN = Run(
    name="canvas",
    table="results",
    seed=0,
    command="python -m agents.ram",
    preset="best",
    changes={"size": 8},
    scores={"learned": [9.0, 2.0], "random": [9.0, 5.0]},
    curve=[[64, 50.0, 0.5], [128, 3.0, 1.0]],
    minutes=1.0,
    parameters=1234,
    multiply_adds=2_000_000,
    commit="1234567",
    machine="a machine",
)


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """Nothing is written into the repository."""
    monkeypatch.setattr(evidence, "RESULTS", tmp_path / "results")
    monkeypatch.setattr(evidence, "IMAGES", tmp_path / "images")


def tiny(**changes):
    """A training of a second."""
    config = preset("canvas", ID)
    sizes = {
        "num_episodes": 64,
        "batch_size": 8,
        "size": 8,
        "hidden_size": 8,
        "canvas": 8,
        "num_validations": 4,
        "device": "cpu",
    }
    return dataclasses.replace(config, augmentation=0.0, **sizes, **changes)


def test_a_run_goes_from_its_folder_into_the_file_and_the_page(tmp_path):
    result = ram.train(tiny(seed=3), runs=tmp_path / "runs")
    path = reproduce.keep(result.folder, "a tiny canvas", "1234567")
    assert path == tmp_path / "results" / "Tiny-v0.json"
    known = evidence.load(ID)
    (run,) = known.runs
    assert (run.name, run.table, run.seed, run.commit) == ("a tiny canvas", "results", 3, "1234567")
    assert run.scores == {way: [round(value, 4) for value in values] for way, values in result.scores.items()}
    assert run.score == pytest.approx(result.scores["learned"][-1], abs=1e-4)
    assert [point[0] for point in run.curve] == [16, 32, 48, 64]
    assert run.parameters == sum(p.numel() for p in result.policy.model.parameters())
    assert run.multiply_adds > 3 * run.parameters / 4, "three glimpses"
    assert run.changes["batch_size"] == 8
    text = page.page([known])
    assert f"| a tiny canvas | {run.score:.2f} | 1 | {run.parameters:,} |" in text
    assert "`batch_size=8`" in text
    assert "`1234567`" in text
    assert evidence.picture("curves", ID).stat().st_size > 1000


def test_the_command_of_a_run_makes_the_same_config_again():
    config = tiny(seed=3, looking="random", skip=False, env={"num_clutter": 2}, scene_sizes=(14, 20))
    start, changes = reproduce.described(config)
    arguments = shlex.split(reproduce.command_of(config, start, changes))[3:]
    given, options = cli.parse(preset(start, ID), cli.StartOptions(), arguments, "", "")
    assert options.preset == start
    assert dataclasses.replace(given, num_validations=4, device="cpu") == config


def test_a_preset_is_recognized_in_a_file_where_tuples_are_lists():
    config = preset("best", "Glimpse-Haystack-v0")
    saved = checkpoints.config_of(type(config), json.loads(json.dumps(dataclasses.asdict(config))), "it")
    assert reproduce.described(saved) == ("best", {})


def test_a_network_on_whole_scenes_is_kept_too(tmp_path):
    config = BaselineConfig(env_id=ID, network="fc64", num_episodes=128, num_validations=1)
    error = baselines.train(config, runs=tmp_path / "runs")
    reproduce.keep(tmp_path / "runs" / config.run_name, "fully connected", "1234567")
    (run,) = evidence.load(ID).runs
    assert (run.preset, run.table) == ("baseline", "results")
    assert run.scores == {"fc64": [round(error, 4)]}
    assert run.parameters == 14 * 14 * 64 + 64 + 64 * 64 + 64 + 64 * 3 + 3
    assert run.multiply_adds == 14 * 14 * 64 + 64 * 64 + 64 * 3


def test_what_is_no_finished_run_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no finished run: it has no config\.json"):
        reproduce.keep(tmp_path, "nothing", "1234567")


@pytest.mark.parametrize(("table", "missing"), [("results", 0), ("beyond RAM", 1)])
def test_a_row_is_trained_unless_a_run_of_its_own_table_is_there(table, missing, monkeypatch):
    evidence.save(Evidence(ID, None, (dataclasses.replace(RUN, table=table),)))
    trained = []
    monkeypatch.setattr(reproduce, "train", lambda config, again: trained.append(config))
    monkeypatch.setattr(reproduce, "keep", lambda *_: None)
    monkeypatch.setattr(reproduce, "commit_of", lambda folder: "1234567")
    monkeypatch.setattr(reproduce, "write", lambda: None)
    reproduce.main(["--train", ID, "--row", RUN.name, "--seeds", "1"])
    assert len(trained) == missing


def test_a_run_that_began_before_the_commit_is_not_taken_for_one_of_it(tmp_path, monkeypatch):
    """Also if it was resumed since: its config keeps the time of its beginning."""
    config, runs = tiny(seed=3), tmp_path / "runs"
    stopped_after(4, monkeypatch, runs, config)
    written = runs / config.run_name / "config.json"
    began = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    os.utime(written, (began.timestamp(), began.timestamp()))
    folder = ram.train(config, resume=True, runs=runs).folder
    monkeypatch.setattr(evidence, "head", lambda: "1234567")
    monkeypatch.setattr(evidence, "committed_at", lambda name: began - datetime.timedelta(days=1))
    assert reproduce.commit_of(folder) == "1234567"
    monkeypatch.setattr(evidence, "committed_at", lambda name: began + datetime.timedelta(days=1))
    with pytest.raises(ValueError, match="began before the commit that is checked out"):
        reproduce.commit_of(folder)
    assert reproduce.commit_of(tmp_path / "new") == "1234567"


def test_a_run_measured_on_the_validation_split_is_no_result(tmp_path):
    config = BaselineConfig(env_id=ID, network="fc64", num_episodes=64, num_validations=1, evaluated_on="validation")
    baselines.train(config, runs=tmp_path / "runs")
    with pytest.raises(ValueError, match="measured on the validation split"):
        reproduce.keep(tmp_path / "runs" / config.run_name, "fully connected", "1234567")
    assert not evidence.load(ID).runs


def test_a_file_comes_back_as_it_was_written():
    known = Evidence("Glimpse-MNIST-v0", Shipped(2.0, [1.0, 3.0], {"learned": [9.0, 2.0]}, "1234567"), (RUN,))
    path = evidence.save(known)
    assert path.name == "Glimpse-MNIST-v0.json"
    assert evidence.read(path) == evidence.load("Glimpse-MNIST-v0") == known
    assert evidence.load("Glimpse-Catch-v0") == Evidence("Glimpse-Catch-v0")


@pytest.mark.parametrize("field", [field.name for field in dataclasses.fields(Run)])
def test_a_run_that_lacks_a_field_is_refused_by_its_name(field):
    path = evidence.save(Evidence("Glimpse-MNIST-v0", None, (RUN,)))
    content = json.loads(path.read_text())
    del content["runs"][0][field]
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=rf"MNIST-v0\.json, run 0 lacks {field}"):
        evidence.read(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("\xff", "is not JSON"),
        ("[]", "must be an object"),
        ('{"id": "a", "runs": []}', "lacks shipped"),
        ('{"id": "a", "runs": [], "shipped": null, "more": 1}', "unknown fields: more"),
    ],
)
def test_another_file_is_refused_in_words(text, message, tmp_path):
    path = tmp_path / "file.json"
    path.write_text(text, encoding="latin-1")
    with pytest.raises(ValueError, match=message):
        evidence.read(path)


def test_a_name_stands_for_one_way_of_training_and_a_seed_for_one_run():
    known = Evidence("Glimpse-MNIST-v0").with_run(RUN).with_run(dataclasses.replace(RUN, seed=1))
    again = known.with_run(dataclasses.replace(RUN, minutes=9.0))
    assert sorted((run.seed, run.minutes) for run in again.runs) == [(0, 9.0), (1, 1.0)]
    assert [run.seed for run in again.rows("results")["canvas"]] == [0, 1]
    with pytest.raises(ValueError, match="give it another --name"):
        known.with_run(dataclasses.replace(RUN, seed=2, changes={}))


@pytest.mark.parametrize(("id", "best"), [("Glimpse-MNIST-v0", "low"), ("Glimpse-Catch-v0", "high")])
def test_the_best_row_stands_first(id, best):
    low, high = (dataclasses.replace(RUN, name=name, scores={"learned": [value]}) for name, value in (("low", 1), ("high", 2)))
    rows = [line for line in page.page([Evidence(id, None, (low, high))]).splitlines() if line.startswith(("| low", "| high"))]
    assert next(line.split()[1] for line in rows) == best


def test_a_unit_is_named_once():
    assert page.measured(environments.task_of("Glimpse-Search-v0")) == "reward, % of the highest"


def test_seeds_of_a_row_may_differ_a_little_in_their_number_of_episodes():
    def seed(n, num_episodes, **changes):
        own = {} if num_episodes == 1000 else {"num_episodes": num_episodes}  # 1000 are the preset's
        given = {"split": "train", **changes, **own}
        return dataclasses.replace(RUN, seed=n, changes=given, curve=[[num_episodes, 9.0, 1.0]])

    known = Evidence("Glimpse-MNIST-v0").with_run(seed(0, 1000)).with_run(seed(1, 950))
    assert "`split=train`, `num_episodes=950 to 1000`" in page.page([known])
    for other in (seed(2, 890), seed(2, 1000, batch_size=8), dataclasses.replace(RUN, seed=2, changes={"split": "train"})):
        with pytest.raises(ValueError, match="give it another --name"):
            known.with_run(other)


@pytest.mark.parametrize(
    ("id", "score", "others", "text"),
    [
        ("Glimpse-MNIST-v0", 2.0, {"they": 3.0, "others": 2.5}, "**2.00**"),
        ("Glimpse-MNIST-v0", 2.0, {"they": 3.0, "others": 1.5}, "2.00"),
        ("Glimpse-MNIST-v0", 2.2, {"they": 2.5}, "2.20"),  # two standard errors of 2.5 are 0.31
        ("Glimpse-MNIST-v0", 2.0, {}, "2.00"),
        ("Glimpse-Catch-v0", 90.0, {"they": 85.0}, "**90.00**"),  # two of 85 are 0.71
        ("Glimpse-Catch-v0", 85.6, {"they": 85.0}, "85.60"),
        ("Glimpse-MultiMNIST-v0", 2.0, {"they": 3.0}, "2.00"),  # other scenes
    ],
)
def test_ours_is_bold_only_where_it_beats_all_others_by_more_than_the_sampling_error(id, score, others, text, monkeypatch):
    monkeypatch.setitem(page.KNOWN, id, others)
    known = Evidence(id, None, (dataclasses.replace(RUN, scores={"learned": [score]}),))
    (line,) = [line for line in page.section(known) if line.startswith("| canvas ")]
    assert line.split(" | ")[1] == text


def test_an_interval_that_leaves_0_to_100_gives_way_to_the_seeds():
    assert evidence.interval([1.0, 2.0]) == "1.00, 2.00"
    assert evidence.interval([98.0, 99.0]) == "98.00, 99.00"
    assert evidence.interval([1.5, 1.6]) == "1.55 ± 0.64"
    assert evidence.interval([1.5]) == "1.50"


def test_the_table_of_the_readme_is_that_of_the_results(monkeypatch):
    root = pathlib.Path(__file__).parents[1]
    monkeypatch.setattr(evidence, "RESULTS", root / "results")
    for id, rows in comparison.SHOWN.items():
        known = evidence.load(id)
        assert set(rows.values()) <= known.rows("results").keys()
        _, *cells = [line for line in (root / "README.md").read_text().splitlines() if line.startswith(f"| `{id}` |")]
        _, _, paper, ours, best, *rest, _ = [cell.strip() for cell in cells[-1].split("|")]
        assert [ours, *rest] == comparison.cells(known), id
        assert all(float(cell.split()[-1]) in page.KNOWN[id].values() for cell in (paper, best) if cell)


def test_play_shows_the_mean_over_the_draws_as_percent_right():
    draws = Shipped(2.0, [1.0, 3.0], {"learned": [9.0, 2.0]}, "1234567")
    found = [Evidence("Glimpse-MNIST-v0", draws), Evidence("Glimpse-Catch-v0", draws), Evidence("Glimpse-Search-v0")]
    assert page.scores(found) == {"Glimpse-MNIST-v0": 98.0, "Glimpse-Catch-v0": 2.0}


def test_minutes_on_a_gpu_are_apart_from_those_on_a_cpu():
    seeds = [("a CPU", 30.0), ("one NVIDIA H200", 4.0), ("one NVIDIA H200", 6.0)]
    runs = tuple(dataclasses.replace(RUN, seed=n, machine=on, minutes=minutes) for n, (on, minutes) in enumerate(seeds))
    assert "| 30.0, 5.0 (GPU) |" in page.page([Evidence("Glimpse-MNIST-v0", None, runs)])
    assert "| 5.0 (GPU) |" in page.page([Evidence("Glimpse-MNIST-v0", None, runs[1:])])
    assert "| 30.0 |" in page.page([Evidence("Glimpse-MNIST-v0", None, runs[:1])])


def test_seeds_that_were_measured_at_other_points_share_one_curve():
    def falling(points):
        return [[x, 100 - x, x / 10] for x in points]

    often, seldom = falling([10, 20, 30, 40, 60]), falling([15, 60])
    assert evidence.on_one_grid([often, seldom]).tolist() == [seldom, seldom]
    assert evidence.on_one_grid([often, often]).tolist() == [often, often]


def test_the_pages_and_the_scores_are_what_the_commands_write(monkeypatch):
    root = pathlib.Path(__file__).parents[1]
    monkeypatch.setattr(evidence, "RESULTS", root / "results")
    monkeypatch.setattr(evidence, "IMAGES", root / "docs" / "images")
    monkeypatch.setattr(evidence, "draw_curves", lambda *_, **__: None)
    found = evidence.read_all()
    assert page.page(found) == (root / reproduce.PAGE).read_text(), "run python -m benchmarks.reproduce"
    assert page.scores(found) == json.loads((root / reproduce.SCORES).read_text()), "run python -m benchmarks.reproduce"
    leaderboard = pytest.importorskip("benchmarks.leaderboard", exc_type=ImportError)
    assert leaderboard.page(leaderboard.entries.read_all()) == (root / leaderboard.PAGE).read_text(), (
        "run python -m benchmarks.leaderboard --id"
    )


def test_what_is_published_is_of_a_task_and_every_row_has_a_config():
    assert set(page.KNOWN) <= set(TASKS)
    for name, (_, changes) in reproduce.ROWS.items():
        config = reproduce.config_of("Glimpse-ClutteredMNIST-v0", name, 1)
        assert config.seed == 1
        assert all(getattr(config, field) == value for field, value in changes.items())


def test_code_that_is_not_committed_is_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def git(*arguments):
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *arguments], check=True, capture_output=True
        )

    code = tmp_path / "agents" / "code.py"
    code.parent.mkdir()
    code.write_text("one\n")
    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    assert evidence.head() == evidence.committed("HEAD")
    code.write_text("two\n")
    with pytest.raises(ValueError, match=r"^agents/code\.py is not committed"):
        evidence.head()
