# make run      subtitles for a shipped recording, set-up included
# make help     the rest

SHELL := /bin/sh
.DEFAULT_GOAL := help

BIN := .venv/bin
DEMO ?= assets/demo.opus
ARGS ?=

.PHONY: run setup test soak bench check format clean help

run: setup ## play a shipped recording with German subtitles (overlay, or terminal without a display)
	@$(BIN)/dragoman run $(DEMO) --from en --to de --pace real $(ARGS)

setup: ## make .venv and install what is missing; seconds the second time
	@sh .ci/setup.sh

# As many at a time as there are cores. Without a display the overlay's tests draw on a virtual one.
TEST := $(BIN)/python -m pytest -n auto --maxprocesses 8 --dist worksteal $(ARGS)
test: setup ## run the tests
	@if [ -z "$$DISPLAY" ] && command -v xvfb-run >/dev/null; then \
		exec xvfb-run -a -s "-screen 0 1280x800x24" $(TEST); \
	else exec $(TEST); fi

# SOAK_S=600 make soak takes longer over what takes a minute.
soak: setup ## run what takes minutes, and print the figures of docs/reliability.md
	@$(BIN)/python -m pytest -s tests/soak $(ARGS)

# DATA is the folder of the data sets; docs/benchmarks/README.md says what is measured.
SETS := dev/bcontrast.en-de test/tatoeba.en-de restricted_multi30k/multi30k_test_2016_flickr.en-de-fr
BENCH := $(BIN)/dragoman bench translate --columns en,de $(ARGS)
bench: setup ## measure the translators on two idle cores, half an hour
	@printf '%s\n' $(SETS) | OMP_NUM_THREADS=1 xargs -P 2 -I SET $(BENCH) --only quality --set $(DATA)/text/SET.tsv.gz
	@for set in $(SETS); do $(BENCH) --only costs --set $(DATA)/text/$$set.tsv.gz || exit; done
	@$(BENCH) --only ratios
	@$(BENCH) --only speed

check: setup ## formatting, lint, types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy

format: setup ## rewrite the sources in the one format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

clean: ## remove .venv and everything else that can be made again
	rm -rf .venv build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## this list
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 10
