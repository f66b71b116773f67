# Everything from a clone to a running system. Safe to run again; nothing leaves this folder
# except what apt-get installs for root and, for root, PostgreSQL's data (see README).
#
#   make demo [ARGS="..."]   the environment, then the demonstration
#   make test [ARGS="..."]   the environment, what the tests talk to, then all tests
#   make fuzz [SECONDS=900]  hostile bytes for every reader of them (docs/proofs.md)
#   make lint | lock | clean

PYTHON ?= python3
WORKERS ?= 2
ARGS ?=
SECONDS ?= 900
BIN := .venv/bin

.PHONY: demo test fuzz lint lock clean environment assets peers

demo: assets
	@exec $(BIN)/confrere demo $(ARGS)

test: assets peers
	@echo "make: running the tests in $(WORKERS) processes"
	@exec $(BIN)/python -m pytest -n $(WORKERS) --dist loadfile $(ARGS)

fuzz: environment
	@exec $(BIN)/python -m tests.fuzz.run --seconds $(SECONDS) $(ARGS)

lint: environment
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/mypy --strict scripts
	$(BIN)/lint-imports

lock: environment
	@$(PYTHON) -m scripts.prepare lock

clean:
	rm -rf .venv build dist .make .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

environment:
	@$(PYTHON) -m scripts.prepare environment

assets: environment
	@$(BIN)/python -m confrere.assets

peers:
	@$(PYTHON) -m scripts.prepare peers
