# The long commands, once. `make help` lists them.
CARGO := cargo
FLAGS := --ignore-rust-version
PACKAGES := age chromium dovecot-imapd dovecot-lmtpd e2fsprogs gcc libc6-dev mount openssl poppler-utils python3 python3-aiosmtpd python3-docx slapd strace systemd
PROGRAM := $(or $(CARGO_TARGET_DIR),target)/debug/mailwarden

.PHONY: build script test demo bench learn sentences quality faults damage weather unit lint deny fmt deps clean help

build: ## the program, for trying things
	@command -v cc >/dev/null || tests/deps.sh gcc libc6-dev
	$(CARGO) build $(FLAGS)

test: deps fmt lint script ## everything that must hold: formatting, lints, tests, shipped rules, the demo
	$(CARGO) test $(FLAGS) --features faults
	$(CARGO) build $(FLAGS)
	$(PROGRAM) rules check
	DEMO_SECONDS=$(or $(DEMO_SECONDS),30) MAILWARDEN=$(PROGRAM) tests/demo/run.sh

demo: build ## a made-up school with real servers, until Ctrl-C (DEMO_SECONDS=30 ends by itself)
	MAILWARDEN=$(PROGRAM) tests/demo/run.sh

quality: build ## how good the rules are: labelled samples and ordinary mail, into docs/quality.md (FAILURES=1 lists what failed)
	MAILWARDEN=$(PROGRAM) tests/quality/run.sh $(if $(FAILURES),--failures)

learn: build ## the weights that are shipped with the rules, learnt anew (takes minutes)
	MAILWARDEN=$(PROGRAM) tests/quality/learn.sh --stage flag

sentences: ## what the shipped rules say of themselves, which everybody may read who sees a case
	grep -rh '^title = ' rules --include='*.toml' | sed 's/^title = "\(.*\)"$$/\1/' | LC_ALL=C sort -u > src/finding/sentences.txt

bench: deps ## measure against the named peers (ONLY=name for one of them)
	$(CARGO) bench $(FLAGS) -- $(ONLY)

faults: deps ## kill, fail and cut the power at thousands of system calls; every deliberate mistake must be noticed (FAULTS=n, ONLY=text)
	$(CARGO) test $(FLAGS) --features faults --test crash -- --ignored --nocapture --test-threads=1

weather: deps ## ten minutes of broken connections while mail arrives: nothing missed, no case twice (WEATHER_SECONDS=n, WEATHER_SEED=n)
	WEATHER_SECONDS=$(or $(WEATHER_SECONDS),600) $(CARGO) test $(FLAGS) --features faults --test weather -- --nocapture

damage: ## examine 250,000 damaged files of every kind (DAMAGED=n): none may stop or outlast the examination
	$(CARGO) test $(FLAGS) --release --lib -- --ignored --nocapture a_quarter_of_a_million

unit: build ## boot systemd beside this machine, install as the guide says, and see the service run (root only; fails where it cannot)
	MAILWARDEN=$(PROGRAM) tests/unit/boot.sh

lint: ## clippy, warnings are errors
	$(CARGO) clippy $(FLAGS) --all-targets --features faults -- --deny warnings

script: deps ## whether the script of the desk is what its sources make (npm fetches two packages)
	src/review/script/build.sh --check

deny: ## what comes in from elsewhere: licences, bans and sources, by deny.toml (needs `cargo install cargo-deny`)
	$(CARGO) deny check bans licenses sources

fmt: ## whether the sources are formatted (`cargo fmt` formats them)
	$(CARGO) fmt --check

deps: ## install the Debian packages that the tests need and that are missing
	@tests/deps.sh $(PACKAGES)
	@# Where Node comes from elsewhere, it brings npm along.
	@command -v npm >/dev/null || tests/deps.sh nodejs npm

clean: ## remove what was built and what the demo left
	$(CARGO) clean
	rm -rf .demo

help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)
