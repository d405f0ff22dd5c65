#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/test.sh [--all] [--list] [--only PART]...
#        scripts/test.sh faults [--rounds N | --seconds N] [--seed S]: processes that work while something goes wrong, for 10 minutes where nothing is said
# Installs what is missing, builds, runs every check and test, and ends with one line: N passed, M failed.
# Without an argument: what belongs to every change (below 15 minutes on two cores; suites run two at a time). --all: also clang-tidy, the sanitizer
# presets, more hosts, an RDMA device where there is one, and half a minute of every fuzz target. --only runs parts by name, --list shows the names.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scripts/setup.sh
exec /usr/bin/python3 scripts/run_tests.py "$@"
