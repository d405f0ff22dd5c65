#!/usr/bin/env bash
# SPDX-License-Identifier: Apache-2.0
# Usage: scripts/bench.sh [--json] [--rounds N] GROUP...
# Groups:
#   local   big memory, Python and the config store between processes of this machine
#   trans   the transfer engine between two processes of this machine
#   micro   the copy kernels one by one (Google Benchmark's own output)
#   shmem   OpenSHMEM against Open MPI's (needs Debian's openmpi-bin and libopenmpi-dev)
#   fabric  big memory and OpenSHMEM between two hosts (network namespaces; needs root) against bare TCP, UCX and Open MPI's
#           OpenSHMEM (needs Debian's ucx-utils, openmpi-bin and libopenmpi-dev)
#   scale   how soon a loss is known, a successor or a new store serves (between network namespaces; needs root), what
#           counting costs, against a build without counters, and what 1024 ranks of this machine cost, against 64
# Installs what is missing, builds the release preset, and prints on standard output one line a metric and nothing else, tab-separated:
#   metric value unit reference ratio
# The reference is measured in the same run. The ratio is better when larger; 1 means equal to the reference; a reference of
# 0 means there is none. Everything else goes to standard error. A group ends within 10 minutes.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

usage() {
    sed -n '3,16s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" >&2
    exit 2
}

json=()
rounds=()
groups=()
while (($# > 0)); do
    case $1 in
        --json) json=(--json) ;;
        --rounds)
            (($# > 1)) || usage
            rounds=(--rounds "$2")
            shift
            ;;
        local | trans | micro | shmem | fabric | scale) groups+=("$1") ;;
        *) usage ;;
    esac
    shift
done
((${#groups[@]} > 0)) || usage

bin=build/release/bin
limit=600 # seconds a group

build() {
    scripts/setup.sh >&2 || return 1
    MEMFABRIC_CMAKE_ARGS="-DMEMFABRIC_BENCH=ON -DMEMFABRIC_PYTHON=ON ${MEMFABRIC_CMAKE_ARGS:-}" \
        scripts/build.sh release "$@" >&2
}

# Runs one program of a group in what is left of the group's time.
measure() {
    local left=$((deadline - SECONDS))
    ((left > 0)) || {
        echo "bench.sh: the group's time is up before: $*" >&2
        return 1
    }
    timeout --kill-after=10 "$left" "$@"
}

run_local() {
    build bench_bm bench_store python_packages _bench_probe || return 1
    deadline=$((SECONDS + limit))
    local failed=0
    ((${#json[@]} > 0)) || printf '# metric\tvalue\tunit\treference\tratio\n' >&2
    measure env MF_COPY_THREADS=1 "$bin/bench_bm" --suite single "${json[@]}" "${rounds[@]}" || failed=1
    measure "$bin/bench_bm" --suite parallel "${json[@]}" "${rounds[@]}" || failed=1
    measure scripts/python.sh bench/local/python.py "${json[@]}" "${rounds[@]}" || failed=1
    measure "$bin/bench_store" "${json[@]}" "${rounds[@]}" || failed=1
    return "$failed"
}

run_trans() {
    build bench_trans python_packages || return 1
    deadline=$((SECONDS + limit))
    local failed=0
    ((${#json[@]} > 0)) || printf '# metric\tvalue\tunit\treference\tratio\n' >&2
    measure "$bin/bench_trans" "${json[@]}" "${rounds[@]}" || failed=1
    measure scripts/python.sh bench/trans/python.py "${json[@]}" "${rounds[@]}" || failed=1
    return "$failed"
}

run_micro() {
    build bench_micro || return 1
    deadline=$((SECONDS + limit))
    local format=()
    ((${#json[@]} == 0)) || format=(--benchmark_format=json)
    measure "$bin/bench_micro" --benchmark_min_time=0.2 "${format[@]}"
}

run_shmem() {
    if [[ ! -x /usr/bin/oshcc || ! -x /usr/bin/oshrun ]]; then
        echo "bench.sh: the reference is missing; install it: apt-get install openmpi-bin libopenmpi-dev" >&2
        return 1
    fi
    build oshmem_tools python_packages _bench_probe || return 1
    deadline=$((SECONDS + limit))
    ((${#json[@]} > 0)) || printf '# metric\tvalue\tunit\treference\tratio\n' >&2
    measure bench/shmem/run.py "${json[@]}" "${rounds[@]}"
}

run_fabric() {
    if [[ ! -x /usr/bin/ucx_perftest || ! -x /usr/bin/oshcc || ! -x /usr/bin/oshrun ]]; then
        echo "bench.sh: a reference is missing; install it: apt-get install ucx-utils openmpi-bin libopenmpi-dev" >&2
        return 1
    fi
    build bench_fabric oshmem_tools mf || return 1
    deadline=$((SECONDS + limit))
    ((${#json[@]} > 0)) || printf '# metric\tvalue\tunit\treference\tratio\n' >&2
    measure bench/fabric/run.py "${json[@]}" "${rounds[@]}"
}

run_scale() {
    local silent=build/counters_off
    build oshmem_tools mf memfabric_actor || return 1
    # shellcheck disable=SC2086 # arguments are words
    cmake --preset release -B "$silent" -DMEMFABRIC_COUNTERS=OFF -DMEMFABRIC_TESTS=OFF -DMEMFABRIC_PYTHON=OFF \
        -DMEMFABRIC_EXAMPLES=OFF ${MEMFABRIC_CMAKE_ARGS:-} >&2 || return 1
    cmake --build "$silent" --target oshmem_tools mf >&2 || return 1
    deadline=$((SECONDS + limit))
    ((${#json[@]} > 0)) || printf '# metric\tvalue\tunit\treference\tratio\n' >&2
    measure bench/scale/run.py "${json[@]}" "${rounds[@]}"
}

status=0
for group in "${groups[@]}"; do
    case $group in
        local) run_local || status=1 ;;
        trans) run_trans || status=1 ;;
        micro) run_micro || status=1 ;;
        shmem) run_shmem || status=1 ;;
        fabric) run_fabric || status=1 ;;
        scale) run_scale || status=1 ;;
    esac
done
exit "$status"
