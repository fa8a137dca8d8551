# make train, make test: each sets up what is missing first.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
# One thread a process: two busy processes of several threads each slow one another down manifold.
export OMP_NUM_THREADS ?= 1

.PHONY: train test check format lint types docs wheel bench setup

setup: $(VENV)/.installed

$(VENV)/.agents: EXTRAS := agents
$(VENV)/.installed: EXTRAS := agents,sb3,games,dev
$(VENV)/.agents $(VENV)/.installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet -c constraints.txt -e ".[$(EXTRAS)]"
	touch $@

train: $(VENV)/.agents  ## train the agent on 60x60 cluttered MNIST, in short; more flags with ARGS="--num-episodes 700000"
	$(BIN)/python -m agents.ram --num-episodes 200000 --num-threads 2 $(ARGS)

test: setup  ## run the tests, on all cores; a file alone with ARGS=tests/test_retina.py
	$(BIN)/python -m pytest -n auto --dist loadfile --max-worker-restart 0 $(ARGS)

check: lint types  ## all that must hold before a commit
	$(MAKE) test ARGS=--cov
	$(MAKE) docs wheel
	$(BIN)/python -m benchmarks.throughput --seconds 0.02
	$(BIN)/python -m benchmarks.recurrent_ppo --seconds 0.02

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports

types: setup
	$(BIN)/mypy

docs: setup  ## build the documentation, warnings as errors: docs/_build/index.html
	$(BIN)/python -m sphinx -W --keep-going -q -b html docs docs/_build

wheel: setup  ## build the wheel, and look around in a scene from an empty environment that has nothing else
	rm -rf build/wheel
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir build/wheel .
	$(PYTHON) -m venv build/wheel/venv
	build/wheel/venv/bin/python -m pip install --quiet -c constraints.txt build/wheel/*.whl
	cd build/wheel && venv/bin/python -W error ../../examples/random_policy.py

bench: setup  ## the throughput of environment and trainer, and of PPO with a memory
	$(BIN)/python -m benchmarks.throughput
	$(BIN)/python -m benchmarks.trainer
	$(BIN)/python -m benchmarks.recurrent_ppo
