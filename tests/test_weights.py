"""Published weights: what is saved comes back, is measured by one command, and nothing else is taken for it."""

import dataclasses

import pytest
import torch

from agents import build, evaluation, ram, weights
from agents.config import preset

CONFIG = dataclasses.replace(preset("best", "Glimpse-MNIST-v0"), size=16, hidden_size=16, location_stream=8)


@pytest.fixture
def model():
    torch.manual_seed(0)
    return build.make_model(CONFIG, build.make_envs(CONFIG, 8, "validation"))


def test_saved_weights_come_back_in_half_precision(tmp_path, model):
    weights.save(tmp_path / "agent.safetensors", model, CONFIG)
    again, config = weights.load(str(tmp_path / "agent.safetensors"))
    assert config == CONFIG
    for name, tensor in model.state_dict().items():
        assert again.state_dict()[name].dtype == torch.float32
        assert again.state_dict()[name].equal(tensor.half().float()), name


def test_evaluate_measures_a_file(tmp_path, model, capsys):
    path = tmp_path / "agent.safetensors"
    weights.save(path, model, CONFIG)
    ram.main(["evaluate", "--weights", str(path), "--split", "validation"])
    last = capsys.readouterr().out.strip().splitlines()[-1]
    again, _ = weights.load(str(path))
    error = evaluation.evaluate(again, build.make_envs(CONFIG, 500, "validation"), "learned")[-1]
    assert last == f"validation error after 7 glimpses: {error:.2f} %"


def test_a_run_is_exported_from_its_checkpoint(tmp_path):
    config = dataclasses.replace(CONFIG, num_episodes=64, num_validations=1, evaluated_on="validation", name="run")
    result = ram.train(config, runs=tmp_path)
    weights.export(tmp_path / "run", tmp_path / "run.safetensors")
    again, found = weights.load(str(tmp_path / "run.safetensors"))
    assert found == config
    assert again.core.weight_hh.equal(result.model.core.weight_hh.half().float())


def test_what_holds_no_weights_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"No weights 'Glimpse-Nothing-v0'"):
        weights.load("Glimpse-Nothing-v0")
    broken = tmp_path / "broken.safetensors"
    broken.write_bytes(b"not at all")
    with pytest.raises(ValueError, match="holds no weights"):
        weights.load(str(broken))


@pytest.mark.parametrize("env_id", ["Glimpse-Nothing-v0", "no_such_module:Id-v0", "Glimpse"])
def test_weights_for_what_is_not_there_are_refused(env_id, tmp_path, model):
    weights.save(tmp_path / "agent.safetensors", model, dataclasses.replace(CONFIG, env_id=env_id))
    with pytest.raises(ValueError, match="holds no weights of an agent"):
        weights.load(str(tmp_path / "agent.safetensors"))


@pytest.mark.parametrize("path", sorted(weights.SHIPPED.glob("*.safetensors")), ids=lambda path: path.stem)
def test_shipped_weights_load_and_are_small(path):
    model, config = weights.load(path.stem)
    assert config.env_id == path.stem
    assert path.stat().st_size < 4_000_000
    assert sum(p.numel() for p in model.parameters()) > 0
