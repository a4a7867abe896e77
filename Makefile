# What a person runs. `make help` lists it; .ci/run is what CI runs.

# All features of all members, so that every recipe shares one build.
CARGO_RUN := cargo run --quiet --all-features
# The lab starts the program of the pod from beside itself.
LAB   := cargo build --quiet --all-features --bin lab --bin lab-runner --bin local-embedder && $(CARGO_RUN) --bin lab --
HOUSE := $(CARGO_RUN) --bin house --
CLIPPY := cargo clippy --workspace --all-targets --all-features -- -D warnings
# Faster and clearer, but nobody has to have it.
TEST  := $(if $(shell command -v cargo-nextest),cargo nextest run,cargo test) --workspace --all-features
# The console's own scripts; its packages come by its lock file.
CONSOLE := npm --silent --prefix console run
# Installed by .ci/tools.
DENY  := $(firstword $(shell command -v cargo-deny) $(wildcard $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/codex-k8s/tools/bin/cargo-deny))
CODEX := $(CURDIR)/lab/npm/codex/node_modules/@openai/codex-linux-*/vendor/*-unknown-linux-musl/bin/codex
CLAUDE := $(CURDIR)/lab/npm/claude/node_modules/@anthropic-ai/claude-code-linux-*/claude

.PHONY: help up down reset logs demo test conformance check bench access prepare doctor console screenshots

help: ## list what there is
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1|\2/p' Makefile | column -t -s '|'

up: ## start the whole platform on this machine; stays in the foreground (LAB_PORT, LAB_DIR, LAB_SPLIT=1)
	@$(LAB) up

down: ## stop a lab that another terminal started
	@$(LAB) down

reset: ## stop the lab and forget its data
	@$(LAB) reset

logs: ## follow the lab's log
	@$(LAB) logs

demo: ## label an issue and follow the run to its pull request (AGENT=codex or AGENT=claude for a real CLI)
	@$(LAB) demo

doctor: ## what this machine lacks, a fix per line
	@$(LAB) doctor

bench: ## measure, and write docs/benchmarks.md (ONLY=tools or ONLY=search for that part alone)
	@cargo build --quiet --release --bin lab --bin lab-runner --bin local-embedder --bin gateway --bin mcp-server --bin worker
	@cargo run --quiet --release --bin lab -- bench $(if $(ONLY),--only $(ONLY))

check: ## format, the domain alone, lints, queries, walls, services, docs
	cargo fmt --all --check
	cargo check --quiet --package orchestrator --no-default-features
	$(HOUSE) prepare --check -- $(CLIPPY)
	cargo test --quiet --workspace --all-features --test house
	$(CONSOLE) check
	@if [ -n '$(DENY)' ]; then '$(DENY)' --log-level error check bans licenses sources; \
	else echo 'skipped: cargo-deny, which .ci/tools installs; the tests of `house` read deny.toml too'; fi

test: ## every test, on a PostgreSQL of its own or of DATABASE_URL; installs what it needs
	@.ci/tools
	CODEX_PROGRAM=$$(echo $(CODEX)) CLAUDE_PROGRAM=$$(echo $(CLAUDE)) $(HOUSE) with-postgres -- $(TEST)
	@$(MAKE) --no-print-directory console

console: ## the console in a real browser against a real lab; a part of `make test`
	@.ci/tools
	@$(LAB) --version >/dev/null
	$(CONSOLE) build
	$(CONSOLE) e2e

screenshots: ## write docs/console/*.png, every screen in light and dark
	@.ci/tools
	@$(LAB) --version >/dev/null
	$(CONSOLE) build
	$(CONSOLE) screenshots

access: ## write docs/access.md, who may do what, from the matrix
	$(CARGO_RUN) --bin codex-k8s -- access > docs/access.md.new && mv docs/access.md.new docs/access.md
	$(CONSOLE) tools

conformance: ## the protocol's own suite, the Inspector and the Python client against server and gateway; a part of `make test`
	@.ci/tools
	$(HOUSE) with-postgres -- $(TEST) --test protocol --test oauth

prepare: ## describe every query anew in .sqlx, and every tool in the console's types
	cargo run --quiet --package house -- prepare
	$(CONSOLE) tools
