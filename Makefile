# Two commands on a fresh machine: `make demo` and `make test`. Needs Python 3.10+ and make.
PYTHON ?= python3
BIN := .venv/bin
LOWEST := .venv-lowest/bin

.PHONY: demo test coverage lowest faults fuzz fuzz-api bench lock clean

# Rebuilt when pyproject.toml changes; the mark is written last, so an incomplete installation is repeated.
.venv/installed: pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --upgrade pip
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@

demo: .venv/installed
	$(BIN)/mineral-recog demo --out demo --force

test: .venv/installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest -n 2

# Branches of src that the tests take; fails below the share in pyproject.toml.
coverage: .venv/installed
	$(BIN)/pytest -n 2 --cov --cov-report=term-missing:skip-covered

# The tests with the oldest versions that pyproject.toml allows; what these warn of is not ours.
lowest:
	$(PYTHON) -m venv .venv-lowest
	$(LOWEST)/pip install --quiet uv
	$(LOWEST)/uv pip install --python $(LOWEST)/python --quiet --resolution lowest-direct --editable '.[dev]'
	$(LOWEST)/pytest -n 2 -W default

# Kills, and mutated photos; half an hour or more.
faults: .venv/installed
	$(BIN)/python faults/kills.py
	$(BIN)/python faults/photos.py

# A minute for each reader of our own formats. Linux and macOS.
fuzz: .venv/installed
	$(BIN)/pip install --quiet --editable '.[fuzz]'
	$(BIN)/python faults/fuzz.py

# The HTTP API against the description that it gives of itself; two minutes.
fuzz-api: .venv/installed
	$(BIN)/pip install --quiet --editable '.[fuzz]'
	$(BIN)/python faults/api.py

bench: .venv/installed
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/training_speed.py

# The versions that contributors share, for every system and Python; renewed now and then.
lock: .venv/installed
	$(BIN)/pip install --quiet uv
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --extra dev --python-version 3.10 \
		--output-file requirements.lock pyproject.toml

clean:
	rm -rf .venv .venv-lowest
