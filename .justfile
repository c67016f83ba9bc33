# Recipes for people who work on pop3 (https://just.systems). `just` lists them.

_default:
    @just --list

# What a change needs before it is committed: format, lints, unit tests, transcripts, documents
check:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --lib --no-default-features -- -D warnings
    cargo test --locked --lib
    cargo test --locked --test pop3 -- transcripts:: generated:: manual:: readme::

# Every test; those that need other software are skipped without it
test:
    cargo test --locked

# The library without features, with each of them, and with all: no warning in any
features:
    .ci/features

# What CI runs: on Debian 12, as root; installs what it needs, takes up to an hour
ci:
    .ci/run

# Every command against a small mail server
demo:
    cargo run --release --example demo

# Manual pages and completions, from src/cli/args/
generate:
    UPDATE=1 cargo test --locked --test pop3 generated::

# Only the transcripts whose topic and name contain WORDS
transcripts WORDS="":
    POP3_TRANSCRIPT={{WORDS}} cargo test --locked --test pop3 transcripts::

# The library's documentation
doc:
    cargo doc --locked --no-deps --open
