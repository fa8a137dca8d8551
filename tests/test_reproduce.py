import dataclasses
import json

import pytest

from agents import tasks
from agents.config import preset
from benchmarks import ablations, reproduce
from glimpse_env import TASKS


def keep(folder, config, **changes):
    kept = folder / config.run_name
    kept.mkdir(parents=True)
    (kept / "config.json").write_text(json.dumps(dataclasses.asdict(config) | changes))
    (kept / "results.json").write_text(json.dumps({"learned": [5.0, 2.0]}))
    (kept / "metrics.csv").write_text("update,seconds\n1,60\n2,90\n")


def test_a_finished_run_is_one_of_the_very_config(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "RESULTS", tmp_path)
    config = reproduce.config_of("Glimpse-MNIST-v0", "best", 1)
    assert reproduce.finished_run(config) is None
    keep(tmp_path, config)
    assert reproduce.finished_run(config) == ({"learned": [5.0, 2.0]}, 1.5)
    assert reproduce.finished_run(dataclasses.replace(config, learning_rate=1e-4)) is None


def test_a_run_from_before_a_field_was_there_counts_as_made_with_its_default(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "RESULTS", tmp_path)
    config = reproduce.config_of("Glimpse-MNIST-v0", "best", 0)
    keep(tmp_path, config)
    path = tmp_path / config.run_name / "config.json"
    older = json.loads(path.read_text())
    del older["max_steps"]
    path.write_text(json.dumps(older))
    assert reproduce.finished_run(config) is not None
    assert reproduce.finished_run(dataclasses.replace(config, max_steps=7)) is None


@pytest.mark.parametrize("task", [task for task in reproduce.KNOWN if list(reproduce.RESULTS.glob(f"{task}-best-0"))])
def test_the_results_table_is_of_the_present_presets(task):
    assert reproduce.finished_run(reproduce.config_of(task, "best", 0)) is not None, "retrain, or the table is of another agent"


@pytest.mark.parametrize(("task", "name"), [(task, name) for task, rows in ablations.ABLATIONS.items() for name in rows])
def test_an_ablation_changes_what_it_names_alone(task, name):
    best, config = dataclasses.asdict(preset("best", task)), dataclasses.asdict(ablations.config_of(task, name, 0))
    changed = {key for key in best if best[key] != config[key]} - {"name", "num_episodes", "num_validations", "evaluated_on"}
    assert changed == set(ablations.ABLATIONS[task][name])


def test_a_task_without_published_figures_has_its_section_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(reproduce, "RESULTS", tmp_path)
    monkeypatch.setattr(reproduce, "IMAGES", tmp_path)
    monkeypatch.setitem(reproduce.KNOWN, "Glimpse-MNIST-v0", {"someone": 3.0})
    for task, errors in (("Glimpse-Search-v0", [0.75]), ("Glimpse-MNIST-v0", [9.0, 2.0])):
        config = reproduce.config_of(task, "best", 0)
        keep(tmp_path, config)
        ways = dict.fromkeys(reproduce.WAYS, errors)
        (tmp_path / config.run_name / "results.json").write_text(json.dumps(ways))
        measure = "return" if len(errors) == 1 else "error"
        metrics = f"update,episodes,validation_{measure},seconds\n1,64,0.5,60\n2,128,0.7,90\n"
        (tmp_path / config.run_name / "metrics.csv").write_text(metrics)
    rows = {row.task: row for row in reproduce.finished()}
    assert reproduce.scores() == {"Glimpse-Search-v0": 75.0, "Glimpse-MNIST-v0": 98.0}
    search = "\n".join(reproduce.section("Glimpse-Search-v0", [rows["Glimpse-Search-v0"]]))
    assert "| mean reward, % of the highest |" in search
    assert "| **75.00** |" in search
    assert "RAM, the paper" not in search
    digits = "\n".join(reproduce.section("Glimpse-MNIST-v0", [rows["Glimpse-MNIST-v0"]]))
    assert "| test error, % |" in digits
    assert "| someone | 3.00 |" in digits
    assert "| **2.00** |" in digits
    assert (tmp_path / "curves-Glimpse-Search-v0.png").exists()


def test_what_is_counted_is_what_is_measured():
    assert set(reproduce.COUNTED) == {task for task in reproduce.KNOWN if tasks.measure(tasks.spec(task)) == "return"}
    assert set(reproduce.KNOWN) == set(TASKS)
