#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/build.sh [PRESET] [TARGET...]
# Configures and builds into build/PRESET (default: release, everything). Further cmake options: MEMFABRIC_CMAKE_ARGS.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=${1:-release}
shift || true
arguments=()
if command -v ccache >/dev/null; then
    arguments+=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
fi
read -ra extra <<<"${MEMFABRIC_CMAKE_ARGS:-}"

log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! cmake --preset "$preset" "${arguments[@]}" "${extra[@]}" >"$log" 2>&1; then
    cat "$log" >&2
    exit 1
fi
targets=()
if (($# > 0)); then
    targets=(--target "$@")
fi
cmake --build "build/$preset" "${targets[@]}"
