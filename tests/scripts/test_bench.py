# SPDX-License-Identifier: Apache-2.0
"""What scripts/bench.sh runs prints metrics in the promised form. How large they are is not tested."""
import json
import os
import pathlib
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("MEMFABRIC_BUILD_DIR", ROOT / "build" / "release"))
LIMIT = 120  # seconds; only what hangs needs them

SINGLE = {f"bm_{way}_{size}" for way in ("h2g", "g2h") for size in ("64KiB", "1MiB")} | {
    "bm_h2g_64KiB_hot", "bm_h2g_1MiB_hot", "bm_copy_8B", "bm_batch_122_one_thread"}
PARALLEL = {"bm_parallel_64MiB", "plain_parallel_64MiB", "bm_batch_122"}
STORE = {"store_roundtrip", "store_barrier_64"}
LARGER_IS_BETTER = {"GB/s": True, "us": False, "ns": False}


def measure(program, *arguments):
    path = BUILD / "bin" / program
    if not path.exists():
        pytest.skip(f"{program} is not built here")
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MF_")}
    return subprocess.run([path, *arguments, "--rounds", "1"], env=environment, capture_output=True, text=True, timeout=LIMIT,
                          check=True).stdout.splitlines()


def check(value, unit, reference, ratio):
    assert value > 0 and reference > 0
    expected = value / reference if LARGER_IS_BETTER[unit] else reference / value
    assert ratio == pytest.approx(expected, rel=0.02, abs=0.001)


@pytest.mark.parametrize("program, arguments, names", [
    ("bench_bm", ["--suite", "single", "--pool", "32M"], SINGLE),
    ("bench_bm", ["--suite", "parallel", "--pool", "64M"], PARALLEL),
    ("bench_store", [], STORE),
])
def test_a_metric_is_a_line_of_five_columns(program, arguments, names):
    lines = [line.split("\t") for line in measure(program, *arguments)]
    assert {line[0] for line in lines} == names
    for _, value, unit, reference, ratio in lines:
        check(float(value), unit, float(reference), float(ratio))


def test_json_says_the_same():
    metrics = [json.loads(line) for line in measure("bench_bm", "--suite", "parallel", "--pool", "64M", "--json")]
    assert {metric["metric"] for metric in metrics} == PARALLEL
    for metric in metrics:
        check(metric["value"], metric["unit"], metric["reference"], metric["ratio"])


@pytest.mark.parametrize("arguments", [[], ["nonsense"], ["--rounds"]])
def test_wrong_arguments_show_the_usage(arguments):
    result = subprocess.run([ROOT / "scripts" / "bench.sh", *arguments], capture_output=True, text=True, timeout=LIMIT, check=False)
    assert result.returncode == 2
    assert "GROUP" in result.stderr and result.stdout == ""
