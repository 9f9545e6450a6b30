# Two commands on a fresh machine: `make demo` and `make test`. Needs Python 3.10+ and make.
PYTHON ?= python3
BIN := .venv/bin

.PHONY: demo test bench clean

# Made anew when what is installed changes; the mark is set last, so a broken install is redone.
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
	$(BIN)/pytest -n 2

bench: .venv/installed
	$(BIN)/python benchmarks/speed.py
	$(BIN)/python benchmarks/training_speed.py

clean:
	rm -rf .venv
