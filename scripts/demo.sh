#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/demo.sh [--hosts N] [FILE-OR-FOLDER]
# Installs what is missing, builds, and shows the pool at work: four processes pool their DRAM; the file or
# folder (default: a real tree of at least 256 MiB that is found below /usr) is scattered over all of them, and
# every process reads the whole of it back and compares its SHA-256. First the C++ program examples/demo, then
# the same from Python with numpy, examples/pool_demo.py. At last examples/kv_handoff.py: a prefill process
# writes the pages of a KV cache into a decode process's, layer by layer.
# With --hosts N (2 to 4) on N hosts instead, network namespaces with addresses of their own (needs root): examples/pool_hosts.py
# passes the file or folder through memory of all of them, two ranks on each, over the fabric, and examples/kv_handoff.py runs with
# prefill on one and decode on another.
set -euo pipefail

usage() {
    sed -n '3,11s/^# \?//p' "${BASH_SOURCE[0]}"
}
hosts=
if [[ ${1:-} == --hosts ]]; then
    if ! [[ ${2:-} =~ ^[2-4]$ ]]; then
        echo "demo.sh: --hosts takes a number from 2 to 4" >&2
        usage >&2
        exit 2
    fi
    hosts=$2
    shift 2
fi
if (($# > 1)) || [[ ${1:-} == -* ]]; then
    [[ ${1:-} == --help || ${1:-} == -h ]] && usage && exit 0
    usage >&2
    exit 2
fi

# Before minutes of building: is the input there at all? The program looks closer.
input=
if (($# == 1)); then
    problem=
    [[ -r $1 ]] || problem="cannot be read"
    [[ ! -f $1 || -s $1 ]] || problem="is empty"
    [[ -e $1 ]] || problem="does not exist"
    if [[ -n $problem ]]; then
        echo "demo.sh: input $1: $problem" >&2
        exit 1
    fi
    input=$(realpath -- "$1")
fi
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts/setup.sh
scripts/build.sh release pool_demo python_packages
program=build/release/bin/pool_demo
[[ -n $input ]] || input=$("$program" --default-input)

if [[ -n $hosts ]]; then
    exec /usr/bin/python3 scripts/demo_hosts.py "$hosts" "$input"
fi
echo "== C++"
"$program" "$input"
echo
echo "== Python"
scripts/python.sh examples/pool_demo.py "$input"
echo
echo "== KV cache from prefill to decode: memory of the program"
scripts/python.sh examples/kv_handoff.py
echo
echo "== the same in memory of the library"
scripts/python.sh examples/kv_handoff.py --memory pool
