# The four stages as a Makefile: each rule knows one file that it reads and one that it writes, so
# `make -f docs/pipeline.mk -j2` does what is missing and nothing else. `make demo` runs this file.
PBENCH ?= pbench
MODEL  ?= tiny
TASKS  ?= waiting_line
OUT    ?= demo

DATA   := $(OUT)/data/.built
RUNS   := $(foreach k,1 2 4 8 16 32,$(OUT)/runs/confidence-k$(k).parquet $(OUT)/runs/random-k$(k).parquet) \
          $(foreach g,0.5 0.6 0.7 0.8 0.9 0.95,$(OUT)/runs/threshold-gamma$(g).parquet)
SCORES := $(OUT)/.scored
REPORT := $(OUT)/report/report.md
PAGE   := $(OUT)/report/index.html
DECODE  = $(PBENCH) decode --model $(MODEL) --tasks $(TASKS) --data $(OUT)/data --out $@

export OMP_NUM_THREADS ?= 1     # with -jN one thread a run is the fastest for a model this small

.DELETE_ON_ERROR:
.PHONY: all
all: $(REPORT) $(PAGE)

$(DATA):
	mkdir -p $(OUT)/data
	$(PBENCH) tasks build $(TASKS) --out $(OUT)/data > $@.paths && mv $@.paths $@

$(OUT)/runs/confidence-k%.parquet: | $(DATA)
	$(DECODE) --sampler confidence --k $*

# What do the tokens of one step say of each other?
$(OUT)/runs/confidence-k8.parquet: DECODE += --measure-gap

$(OUT)/runs/random-k%.parquet: | $(DATA)
	$(DECODE) --sampler random --k $*

$(OUT)/runs/threshold-gamma%.parquet: | $(DATA)
	$(DECODE) --sampler threshold --gamma $*

$(SCORES): $(RUNS)
	@printf '%s\n' $(RUNS) | $(PBENCH) score - > $@.paths && mv $@.paths $@

$(REPORT): $(SCORES)
	$(PBENCH) report - --suite $(TASKS) --format md --out $(OUT)/report < $(SCORES)

$(PAGE): $(SCORES)
	$(PBENCH) report - --suite $(TASKS) --format html --out $(OUT)/report < $(SCORES)
