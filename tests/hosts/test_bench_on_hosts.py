# SPDX-License-Identifier: Apache-2.0
"""`mf bench fabric` between hosts, where a remote shell that enters namespaces stands in for ssh, and scripts/bench.sh's
metrics of the fabric. How large they are is not tested."""
import json
import os
import pathlib
import shutil
import subprocess

import pytest

from actors import BUILD
from launcher import MF, Launcher

ROOT = pathlib.Path(__file__).resolve().parents[2]

SHAPE = ("--pool", "8M", "--block-sizes", "64k", "--seconds", "0.05", "--count", "20", "--json")


class Bench(Launcher):
    """`mf bench fabric` at host 0 of a cluster."""

    def command(self, *words):
        return [MF, "bench", "fabric", *map(str, words)]


def test_every_other_host_is_measured(make_cluster, tmp_path):
    mf = Bench(make_cluster(3), tmp_path)
    origin, *others = (host.address for host in mf.cluster.hosts)
    result = mf.run("--remote-shell", mf.shell, "--verify", *SHAPE, *others, "10.77.0.9")
    assert result.returncode == 1 and "no route to 10.77.0.9" in result.stderr
    found = {peer["name"]: peer for peer in json.loads(result.stdout)["peers"]}
    assert found.keys() == {*others, "10.77.0.9"}
    assert "did not come up" in found["10.77.0.9"]["problem"]
    for address in others:
        peer = found[address]
        assert peer["problem"] == "" and peer["verified"] is True
        assert peer["path"].startswith(f"tcp;ofi_rxm eth0 {origin} -> {address}:")
        assert [row["operation"] for row in peer["bandwidths"]] == ["put", "get"]
    assert mf.processes_inside() == []


OF_SHMEM = ("fabric_shmem_barrier", "fabric_shmem_broadcast_4KiB", "fabric_shmem_sum_reduce_4KiB")
METRICS = {
    *("fabric_put_8B", "fabric_get_8B", "fabric_put_8B_idle", "fabric_fadd_8B"),
    *(f"fabric_{way}_{size}" for way in ("put", "get") for size in ("64KiB", "1MiB", "16MiB", "256MiB")),
    *("fabric_put_256MiB_striped", "fabric_kv_batch", "fabric_put_16MiB_vs_ucx", "fabric_get_8B_vs_ucx"),
    *("fabric_cpu", "fabric_cpu_vs_raw"),
    *OF_SHMEM,
    *(f"{metric}_own_processor" for metric in OF_SHMEM if len(os.sched_getaffinity(0)) > 1),
}


SCALE_METRICS = {
    *("scale_detect_kill", "scale_detect_silent", "scale_restart_peer", "scale_store_restart"),
}


def has_all_metrics(metrics, *command):
    """The benchmark prints each with a value and a reference, and nothing else."""
    result = subprocess.run(
        [*map(str, command), "--rounds", "1", "--json"], capture_output=True, text=True, timeout=500, check=False
    )
    assert result.returncode == 0, result.stderr
    found = {entry["metric"]: entry for entry in map(json.loads, result.stdout.splitlines())}
    assert found.keys() == metrics
    for entry in found.values():
        assert entry["value"] > 0 and entry["reference"] > 0 and entry["ratio"] > 0


def test_the_benchmark_of_losses_has_every_metric_with_its_reference():
    command = (ROOT / "bench" / "scale" / "run.py", "--part", "losses", "--part", "stores", "--build", BUILD)
    has_all_metrics(SCALE_METRICS, *command)


@pytest.mark.skipif(not os.environ.get("MEMFABRIC_LONG_TESTS"), reason="takes a minute: MEMFABRIC_LONG_TESTS=1 runs it")
def test_the_benchmark_has_every_metric_with_its_reference():
    if BUILD != ROOT / "build" / "release" or not (BUILD / "bin" / "bench_fabric").exists():
        pytest.skip("bench_fabric is not built here")
    if not all(shutil.which(program) for program in ("ucx_perftest", "oshcc", "oshrun")):
        pytest.skip("the references are not installed: ucx-utils, openmpi-bin, libopenmpi-dev")
    has_all_metrics(METRICS, ROOT / "bench" / "fabric" / "run.py")
