# Each target is one command that anyone could type; infra/local/stack.py says more with --help.

PYTHON ?= python3
STATE := $(or $(SUPERGATE_STATE_DIR),.local)
TARGET := $(or $(CARGO_TARGET_DIR),target)
REPORT := $(abspath $(STATE))/traffic-report.txt
STACK := $(PYTHON) infra/local/stack.py

.PHONY: help run test prove-isolation traffic-report cache-report check fuzz docs soak soak-cache bench clean python

help: ## what can be typed here
	@sed -n 's/^\([a-z-]*\):.*## /make \1\t/p' $(MAKEFILE_LIST)

run: python ## serve everything at http://127.0.0.1:9000 until Ctrl-C (SUPERGATE_PORT for another port)
	@$(STACK) run

test: python ## all tests; it starts and stops what they need
	@$(STACK) test

prove-isolation: python ## that tenants, roles and secrets are kept apart, and that each rule is needed: prints what was tried (LOOK_UPS=1000000 of the cache)
	@$(STACK) test -- -p supergate-tests --test isolation --test privileges --test secrets --test published_faults -- --nocapture
	@$(STACK) test -- -p supergate-tests --test cache --test cache_store -- isolation:: many:: poisoned:: --nocapture

traffic-report: python ## what becomes of recorded traffic, as a table and a line of JSON: make traffic-report TRAFFIC=folder
	@rm -f "$(REPORT)"
	@TRAFFIC="$(TRAFFIC)" TRAFFIC_REPORT="$(REPORT)" $(STACK) test -- -p supergate-tests --test recorded_traffic; status=$$?; \
		[ -f "$(REPORT)" ] || { echo "supergate: there is no report; does TRAFFIC name a folder of recordings?" >&2; exit 1; }; \
		cat "$(REPORT)"; exit $$status

cache-report: python ## how often each tier of the cache is right, as tables and a line of JSON: make cache-report PAIRS=file.tsv
	cargo build --profile harness -p supergate-tests --bin cache-report
	@$(STACK) embedder > /dev/null
	@PAIRS="$(PAIRS)" SUPERGATE_TEST_EMBEDDER="$(abspath $(STATE))/embedder/all-minilm-l6-v2.bin" $(TARGET)/harness/cache-report

check: python ## formatting, lints, licences and bans, documentation, the template
	@$(STACK) check-tools
	cargo fmt --all --check
	cargo clippy --workspace --all-targets -- --deny warnings
	PATH="$(abspath $(STATE))/bin:$$PATH" cargo deny --offline check bans licenses sources
	RUSTDOCFLAGS="--deny warnings" cargo doc --workspace --no-deps --document-private-items
	$(STATE)/bin/cfn-lint infra/template.yaml

fuzz: SEED := $(or $(SEED),$(shell date +%s))
fuzz: ## any bytes into the readers of what providers and callers send, for some minutes (CASES, 100000 and 20000; SEED repeats a run)
	PROPTEST_RNG_SEED=$(SEED) PROPTEST_CASES=$(or $(CASES),100000) cargo test -p supergate --lib -- robustness http::events --nocapture
	PROPTEST_RNG_SEED=$(SEED) PROPTEST_CASES=$(or $(CASES),20000) cargo test -p supergate --test dialect -- fuzz --nocapture

docs: ## writes docs/dialect.md and docs/permissions.md anew, by what the code does
	UPDATE_DOCS=1 cargo test -p supergate --test dialect -- page
	UPDATE_DOCS=1 cargo test -p supergate --test permissions

soak: python ## a million reservations and settlements from 64 workers over 100 budgets (OPERATIONS for fewer)
	cargo test --profile harness -p supergate-tests --test limits --no-run
	@SOAK_OPERATIONS=$(or $(OPERATIONS),1000000) $(STACK) exec -- \
		cargo test --profile harness -p supergate-tests --test limits -- races --nocapture

soak-cache: python ## a million look-ups of 200 tenants with each other's rows among theirs, and whether the time of a miss tells anything (LOOK_UPS for fewer)
	@LOOK_UPS=$(or $(LOOK_UPS),1000000) $(STACK) test -- -p supergate-tests --test cache_store -- many --nocapture
	@LOOK_UPS=$(shell expr $(or $(LOOK_UPS),1000000) / 20) $(STACK) test -- -p supergate-tests --test cache -- isolation --nocapture

bench: python ## the figures of the design, measured on this machine (PART=translate for one part of them)
	cargo build --release
	cargo build --profile harness -p supergate-tests --bins
	@$(STACK) exec -- env SUPERGATE_BIN_DIR="$(abspath $(TARGET))/release" $(TARGET)/harness/bench $(PART)

clean: ## removes what was built, installed and stored here
	rm -rf $(STATE) target

python:
	@command -v $(PYTHON) > /dev/null || { echo "supergate: $(PYTHON) was not found: install Python 3.11 or newer" >&2; exit 1; }
