"""Agents on the disk: what is saved comes back and acts as it was measured, and strangers' files cost what they hold."""

import dataclasses
import json
import os
import subprocess
import sys
import tracemalloc

import pytest
import tiny_task  # noqa: F401
import torch
from safetensors.torch import save as to_bytes
from tiny_runs import TINY, weights_of

import agents
from agents import checkpoints, cli, environments, evaluation, ram, weights

pytestmark = pytest.mark.usefixtures("undrawn")
CONFIG = dataclasses.replace(TINY, env_id="Tiny-v0", num_episodes=1280, num_validations=1, name="run")


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A trained agent, and the folder of its run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("agents.figures.draw", lambda *arguments: [])
        return ram.train(CONFIG, runs=tmp_path_factory.mktemp("runs"))


@pytest.fixture
def file(run, tmp_path):
    path = tmp_path / "agent.safetensors"
    weights.save(path, run.policy.model, CONFIG)
    return path


def written(path, state, config):
    """A file of ours, of whatever it is said to hold."""
    path.write_bytes(to_bytes(state, metadata={"config": json.dumps(config)}))
    return path


def measured(policy):
    return evaluation.evaluate(policy, environments.evaluation_envs(CONFIG, "test"), "test")


# An agent of one's own.


@pytest.mark.parametrize("name", ["", checkpoints.NEWEST])
def test_a_run_and_its_checkpoint_act_as_the_run_was_measured(run, name):
    path = run.folder / name
    results = json.loads((run.folder / "results.json").read_text())
    for given in (path, str(path)):
        policy = agents.load(given)
        assert weights_of(policy.model).equal(weights_of(run.policy.model))
        assert measured(policy) == results["learned"]


def test_an_exported_file_acts_nearly_so(run, tmp_path, capsys):
    path = tmp_path / "agent.safetensors"
    cli.main(["export", str(run.folder), str(path)])
    assert f"watch --weights {path}" in capsys.readouterr().out
    policy = agents.load(path)
    results = json.loads((run.folder / "results.json").read_text())
    assert measured(policy) == pytest.approx(results["learned"], abs=100 / 24 + 0.01)  # one image
    torch.testing.assert_close(weights_of(policy.model), weights_of(run.policy.model), rtol=1e-3, atol=1e-4)
    assert path.stat().st_size < (run.folder / checkpoints.NEWEST).stat().st_size / 4
    before = path.read_bytes()
    with pytest.raises(SystemExit, match=r"agent.safetensors exists already: remove it, or choose another name"):
        cli.main(["export", str(run.folder), str(path)])
    assert path.read_bytes() == before


def test_a_loaded_policy_looks_as_it_was_trained_to(run, tmp_path):
    for looking in ("random", "center"):
        weights.save(tmp_path / looking, run.policy.model, dataclasses.replace(CONFIG, looking=looking, std_end=0.5))
        policy = agents.load(tmp_path / looking)
        assert (policy.looking, policy.std) == (looking, 0.5)


def test_saved_weights_come_back_in_half_precision(run, file):
    again, config = weights.load(file)
    assert config == CONFIG
    for name, tensor in run.policy.model.state_dict().items():
        assert again.state_dict()[name].dtype == torch.float32
        assert again.state_dict()[name].equal(tensor.half().float()), name


def test_evaluate_measures_all_three(run, file, capsys):
    said = []
    for path in (run.folder, run.folder / checkpoints.NEWEST, file):
        cli.main(["evaluate", "--weights", str(path), "--split", "validation"])
        said.append(capsys.readouterr().out)
    error = evaluation.evaluate(run.policy, environments.evaluation_envs(CONFIG, "validation"), "validation")[-1]
    for text in said[:2]:
        assert text.strip().splitlines()[-1] == f"validation error after 3 glimpses: {error:.2f} %"
    assert "24 images" in said[2]


@pytest.mark.parametrize("path", sorted(weights.SHIPPED.glob("*.safetensors")), ids=lambda path: path.stem)
def test_shipped_agents_load_and_are_small(path):
    model, config = weights.load(path.stem)
    assert path.stem.startswith(config.env_id)
    assert path.stat().st_size < 5_000_000
    assert weights_of(model).isfinite().all()
    assert type(agents.load(path.stem)).__name__ == "Policy"


# From strangers.


def test_what_is_not_there_is_told_with_what_is(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No agent 'Glimpse-Nothing-v0': give the path of a run or a file, or one of "):
        weights.load("Glimpse-Nothing-v0")
    with pytest.raises(FileNotFoundError, match="No checkpoint in"):
        weights.load(tmp_path)


@pytest.mark.parametrize("content", [b"", b"not at all", b"\xff" * 100, b"\x08\0\0\0\0\0\0\0{}      "])
def test_what_holds_no_agent_is_refused(tmp_path, content):
    for name in ("broken.safetensors", "broken.pt", "broken"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(ValueError, match=r"broken.* (contains no|is damaged)"):
            weights.load(tmp_path / name)


@pytest.mark.parametrize(
    "config",
    [[], 3, None, "text", {"size": "large"}, {"color": 1}, {"env_id": 5}, {"batch_size": 0}, {"looking": "away"}, {"env": []}],
)
def test_a_config_that_is_none_is_refused(tmp_path, run, config):
    given = {**dataclasses.asdict(CONFIG), **config} if isinstance(config, dict) else config
    path = written(tmp_path / "hostile", run.policy.model.state_dict(), given)
    with pytest.raises(ValueError, match=r"hostile .{10}"):
        weights.load(path)
    checkpoints.save(tmp_path, {"config": given, "update": 1, "model": run.policy.model.state_dict(), "optimizer": {}})
    with pytest.raises(ValueError, match=r".{20}"):
        weights.load(tmp_path / checkpoints.NEWEST)


def test_a_file_without_a_config_is_refused(tmp_path):
    (tmp_path / "hostile").write_bytes(to_bytes({"w": torch.zeros(3)}))
    with pytest.raises(ValueError, match=r"hostile contains no Config: None is not a dict"):
        weights.load(tmp_path / "hostile")


@pytest.mark.parametrize("model", [[], 3, None, {"w": 3}, {3: torch.zeros(2)}, {"w": torch.zeros(3)}, {}])
def test_a_checkpoint_whose_weights_are_none_is_refused(tmp_path, model):
    checkpoints.save(tmp_path, {"config": dataclasses.asdict(CONFIG), "update": 1, "model": model, "optimizer": {}})
    with pytest.raises(ValueError, match=r"contains no agent"):
        weights.load(tmp_path)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_refused(tmp_path, run, value):
    state = {name: tensor.clone() for name, tensor in run.policy.model.state_dict().items()}
    state["heads.action.bias"][0] = value
    with pytest.raises(ValueError, match="its weights are not finite"):
        weights.load(written(tmp_path / "hostile", state, dataclasses.asdict(CONFIG)))


@pytest.mark.parametrize("env_id", ["Glimpse-Nothing-v0", "Glimpse", "CartPole-v1", ""])
def test_an_agent_for_what_is_not_there_is_refused(env_id, tmp_path, run):
    weights.save(tmp_path / "agent", run.policy.model, dataclasses.replace(CONFIG, env_id=env_id))
    with pytest.raises(ValueError, match="contains no agent that can be used here"):
        weights.load(tmp_path / "agent")


def test_a_module_is_imported_for_those_who_trust_it_alone(tmp_path, run, monkeypatch):
    (tmp_path / "stranger.py").write_text(f"import os, tiny_task\nos.mkdir({str(tmp_path / 'it ran')!r})\n")
    monkeypatch.syspath_prepend(tmp_path)
    weights.save(tmp_path / "agent", run.policy.model, dataclasses.replace(CONFIG, env_id="stranger:Tiny-v0"))
    checkpoints.save(tmp_path, {**checkpoints.load(run.folder), "config": {"env_id": "stranger:Tiny-v0"}})
    for path in (tmp_path / "agent", tmp_path):
        with pytest.raises(ValueError, match=r"whose module would be imported: give --trust-module"):
            agents.load(path)
    for command in (["evaluate", "--weights"], ["watch", "--save=a.gif", "--weights"], ["export"]):
        with pytest.raises(SystemExit, match="--trust-module"):
            cli.main([*command, str(tmp_path / "agent"), *[str(tmp_path / "copy")] * (command == ["export"])])
    assert not (tmp_path / "it ran").exists()
    assert weights_of(agents.load(tmp_path / "agent", trust_module=True).model).isfinite().all()
    assert (tmp_path / "it ran").exists(), "the trap works"


LITTLE = """
import resource, sys
import tiny_task
from agents import weights
weights.load(sys.argv[1])
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for path in sys.argv[2:]:
    try:
        weights.load(path)
    except ValueError as error:
        print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024, error)
"""
VAST = {"canvas": 14_000, "size": 60_000, "patch_size": 9_000, "num_scales": 40, "scene_size": 20_000}


def test_a_small_file_that_asks_for_much_takes_little_memory(tmp_path, file):
    pytest.importorskip("resource")
    paths = []
    for name, value in VAST.items():
        config = {**dataclasses.asdict(CONFIG), name: value}
        paths.append(written(tmp_path / f"hostile {name}", {"w": torch.zeros(3)}, config))
        assert paths[-1].stat().st_size < 3000
    root = os.path.dirname(os.path.dirname(weights.__file__))
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": f"{root}{os.pathsep}{os.path.dirname(__file__)}"}
    command = [sys.executable, "-c", LITTLE, str(file), *map(str, paths)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    for path, line in zip(paths, done.stdout.splitlines(), strict=True):
        taken, _, said = line.partition(" ")
        assert int(taken) < 500, f"{path.name}: {taken} MB"
        assert f"{path} contains no agent that can be used here" in said


def test_a_world_is_imported_for_those_who_trust_it_alone(tmp_path):
    config = {**dataclasses.asdict(CONFIG), "env": {"world": "stranger:World"}}
    with pytest.raises(ValueError, match="an agent for stranger:World, whose module would be imported"):
        weights.load(written(tmp_path / "hostile", {"w": torch.zeros(3)}, config))


def test_a_header_that_lies_about_its_length_takes_little_memory(tmp_path):
    (tmp_path / "hostile").write_bytes((2**40).to_bytes(8, "little") + b"{}")
    tracemalloc.start()
    with pytest.raises(ValueError, match="contains no agent"):
        weights.load(tmp_path / "hostile")
    assert tracemalloc.get_traced_memory()[1] < 5e6
    tracemalloc.stop()


def test_a_pipe_is_refused(tmp_path):
    for name in ("agent.pt", "agent.safetensors"):
        os.mkfifo(tmp_path / name)
        with pytest.raises((ValueError, FileNotFoundError), match=r"agent"):
            weights.load(tmp_path / name)
