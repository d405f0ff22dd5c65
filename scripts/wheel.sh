#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: [VERSION=1.0.0] scripts/wheel.sh [FOLDER]
# Installs what is missing, builds, and leaves the wheel in FOLDER (default: dist). Its packages: memfabric, mf_smem, mf_adapter,
# memfabric_hybrid, and the command mf. Nothing is fetched from the network. Prints the wheel's path.
set -euo pipefail
target=$(realpath -m -- "${1:-$(dirname "${BASH_SOURCE[0]}")/../dist}")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
export VERSION=${VERSION:-1.0.0}
if [[ ! $VERSION =~ ^[0-9]+(\.[0-9]+)*((a|b|rc)[0-9]+)?(\.post[0-9]+)?(\.dev[0-9]+)?(\+[a-z0-9.]+)?$ ]]; then
    echo "wheel.sh: VERSION '$VERSION' is no version of a Python package, such as 1.2.3 or 1.2.3rc1" >&2
    exit 2
fi

scripts/setup.sh
preset=release
if [[ $VERSION != 1.0.0 ]]; then
    # The version is compiled in: another one gets a build of its own.
    preset=wheel
    export MEMFABRIC_CMAKE_ARGS="-DMEMFABRIC_VERSION=$VERSION ${MEMFABRIC_CMAKE_ARGS:-}"
fi
scripts/build.sh "$preset" python_packages >&2

stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
cmake --install "build/$preset" --component wheel --prefix "$stage" --strip >"$stage/install.log"
cp python/setup.py LICENSE "$stage"
if ! /usr/bin/python3 -m pip wheel --quiet --disable-pip-version-check --no-index --no-deps --no-build-isolation \
    --wheel-dir "$stage/out" "$stage" >"$stage/pip.log" 2>&1; then
    cat "$stage/pip.log" >&2
    exit 1
fi
mkdir -p "$target"
cp "$stage"/out/*.whl "$target"
echo "$target/$(basename "$stage"/out/*.whl)"
