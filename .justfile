# Recipes for contributors (https://just.systems). `just` lists them.

_default:
    @just --list

# Checks before a commit: format, lints, unit tests, transcripts, documents
check:
    cargo fmt --check
    cargo clippy --locked --all-targets -- -D warnings
    cargo clippy --locked --lib --no-default-features -- -D warnings
    cargo test --locked --lib
    cargo test --locked --test pop3 -- transcripts:: generated:: manual:: readme::

# All tests; tests that need missing software are skipped
test:
    cargo test --locked

# Checks the library without features, with each feature, and with all features
features:
    .ci/features

# The checks of CI, on Debian 12, as root: installs what it needs, takes up to an hour
ci:
    .ci/run

# Runs every command against a small mail server
demo:
    cargo run --release --example demo

# Generates manual pages and completions from src/cli/args/
generate:
    UPDATE=1 cargo test --locked --test pop3 generated::

# Runs the transcripts whose topic and name contain WORDS
transcripts WORDS="":
    POP3_TRANSCRIPT={{WORDS}} cargo test --locked --test pop3 transcripts::

# Opens the library's documentation
doc:
    cargo doc --locked --no-deps --open
