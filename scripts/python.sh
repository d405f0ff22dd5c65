#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/python.sh ARGS...
# Runs Debian's Python with the built packages importable; builds them where they are not there yet. Another build than
# build/release: set MEMFABRIC_BUILD_DIR.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
build=${MEMFABRIC_BUILD_DIR:-$root/build/release}

shopt -s nullglob
extension=("$build"/python/memfabric/_core.*.so)
if ((${#extension[@]} == 0)); then
    if [[ -n ${MEMFABRIC_BUILD_DIR:-} ]]; then
        echo "python.sh: there is no Python extension in $build; build it with -DMEMFABRIC_PYTHON=ON" >&2
        exit 1
    fi
    "$root/scripts/setup.sh"
    "$root/scripts/build.sh" release python_packages >&2
fi
PYTHONPATH=$build/python${PYTHONPATH:+:$PYTHONPATH} exec /usr/bin/python3 "$@"
