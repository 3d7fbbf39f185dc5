# Everything on a fresh machine with Python (>= 3.11) and make: `make reproduce`, `make test`, `make quick`, `make docs`.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: reproduce quick test docs clean

reproduce: .venv/ready  ## train every simulation and draw every figure, and the report, into results/figures
	$(BIN)/python -m simulations all
	$(BIN)/python -m figures all
	$(BIN)/python -m figures report

quick: .venv/ready  ## the same path in a minute or two, with tiny sizes
	$(BIN)/python -m simulations all --quick --overwrite
	$(BIN)/python -m simulations harlow_gaze --quick --overwrite
	$(BIN)/python -m figures all --quick
	$(BIN)/python -m figures report --quick
	@echo "All works here. Next: docs/start.md"

test: export OPENBLAS_NUM_THREADS = 1  # or the two test processes fight over the cores
test: export OMP_NUM_THREADS = 1
test: .venv/ready
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest -n 2

docs: .venv/ready  ## the site, in docs/_build/html: warnings are errors, notebooks, commands and code are run
	$(BIN)/python -m sphinx --quiet --fail-on-warning --keep-going docs docs/_build/html
	$(BIN)/pytest -m site

.venv/ready: setup.cfg pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt torch  # alone first: the pinned version is the CPU build
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev,docs]"
	touch $@

clean:
	rm -rf .venv results docs/_build docs/generated
