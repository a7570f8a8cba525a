# Two commands for everyone: make demo, make test. Needs python3 >= 3.11, make and a network; the rest is installed.
PYTHON ?= python3
DIR ?= ../shared/data
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
# Bytecode is what makes the start quick; a shell that forbids it would make every start slow.
export PYTHONDONTWRITEBYTECODE :=
export MEDSUPPLY_HOME ?= $(CURDIR)/var

.PHONY: setup demo real test lint docs bench soak system-tools down clean

setup: $(STAMP)

$(STAMP): pyproject.toml uv.lock infra/install.sh
	PYTHON=$(PYTHON) sh infra/install.sh $(VENV)
	@touch $@

demo: setup
	$(BIN)/medsupply demo

real: setup
	MEDSUPPLY_HOME=$(MEDSUPPLY_HOME)/real $(BIN)/medsupply demo --real $(DIR)

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

test: setup system-tools lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

# What the browser tests and the test against a served PostgreSQL need; says so and goes on where it may not install.
system-tools:
	sh infra/system-tools.sh

docs: setup
	$(BIN)/python infra/docs.py

bench: setup
	$(BIN)/python infra/bench/national_day.py
	$(BIN)/python infra/bench/record_year.py 1 30 90
	$(BIN)/python infra/bench/forecast_speed.py 1000 2
	$(BIN)/python infra/bench/unchanged_day.py
	$(BIN)/python infra/bench/picture_speed.py

# Of the intake: nations of the judge, orders of arrival, 200 kill rounds, mutants for a quarter of an hour.
INTAKE_SOAK := judge arrival_order intake_kills mutants

soak: setup
	MEDSUPPLY_SOAK=1000 $(BIN)/python -m pytest tests/soak
	MEDSUPPLY_SOAK=1000 $(BIN)/python -m pytest $(addprefix tests/functional/test_,$(addsuffix .py,$(INTAKE_SOAK)))

down:
	$(BIN)/medsupply down

clean:
	@[ ! -x $(BIN)/medsupply ] || $(BIN)/medsupply down
	rm -rf $(VENV) var
