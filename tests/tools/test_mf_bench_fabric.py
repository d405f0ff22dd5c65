# SPDX-License-Identifier: Apache-2.0
"""The command `mf bench fabric` on one machine, where MF_HOST_ID makes other hosts."""
import json
import signal

import pytest

SHAPE = ["--pool", "8M", "--block-sizes", "4k,64k", "--seconds", "0.05", "--count", "20"]
QUICK = ["bench", "fabric", *SHAPE]


def peers_of(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)["peers"]


def check(peer, operations=("put", "get")):
    assert peer["problem"] == "" and peer["path"].startswith("tcp;ofi_rxm lo 127.0.0.1 -> 127.0.0.1:")
    names = [row["operation"] for row in peer["latencies"]]
    assert names == [f"{operation} 8 bytes" for operation in operations] + ["fetch-add 8 bytes", "ping"]
    for row in peer["latencies"]:
        assert 0 < row["min_us"] <= row["p50_us"] <= row["p99_us"]
    wanted = [(operation, size) for size in (4096, 65536) for operation in operations]
    assert [(row["operation"], row["block"]) for row in peer["bandwidths"]] == wanted
    for row in peer["bandwidths"]:
        assert row["gigabytes_per_second"] > 0 and row["calls"] > 0 and row["outstanding"] == 16


def test_without_a_host_it_measures_loopback(mf):
    (peer,) = peers_of(mf(*QUICK, "--verify", "--json"))
    check(peer)
    assert peer["verified"] is True and peer["peer"]["host_id"] == "mf-bench-other-host"


@pytest.mark.parametrize("operation", ["put", "get"])
def test_one_direction(mf, operation):
    (peer,) = peers_of(mf(*QUICK, "--operation", operation, "--json"))
    check(peer, (operation,))


def test_the_table_says_the_same_in_words(mf):
    result = mf(*QUICK, "--verify")
    assert result.returncode == 0, result.stderr
    for part in ("over loopback", "tcp;ofi_rxm lo", "put 8 bytes", "fetch-add", "put 16 x 65536 bytes", "GB/s", "median",
                 "verified: every byte arrived"):
        assert part in result.stdout


def test_targets_of_a_store_are_measured_one_by_one(mf):
    store = mf.start("store", "tcp://127.0.0.1:0", "--print-url")
    url = store.stdout.readline().strip()
    targets = [mf.start("bench", "fabric", "--target", "--pool", "8M", "--store", url, env={"MF_HOST_ID": host})
               for host in ("one", "two")]
    for target in targets:
        assert "offering 8 MiB" in target.stdout.readline(), target.communicate()
    found = peers_of(mf(*QUICK, "--store", url, "--json"))
    assert {peer["peer"]["host_id"] for peer in found} == {"one", "two"}
    for peer in found:
        check(peer)
    targets[0].send_signal(signal.SIGTERM)
    targets[0].communicate(timeout=60)
    assert targets[0].returncode == 0
    assert [peer["peer"]["host_id"] for peer in peers_of(mf(*QUICK, "--store", url, "--json"))] == ["two"]


def test_nobody_who_offers_memory_is_an_error(mf):
    store = mf.start("store", "tcp://127.0.0.1:0", "--print-url")
    result = mf(*QUICK, "--store", store.stdout.readline().strip())
    assert result.returncode == 1 and "--target" in result.stderr


def test_blocks_that_do_not_fit_are_said(mf):
    result = mf("bench", "fabric", "--pool", "1M", "--block-sizes", "1M", "--outstanding", "2", "--seconds", "0.05", "--json")
    assert result.returncode == 1
    assert "--pool" in json.loads(result.stdout)["peers"][0]["problem"]


@pytest.mark.parametrize("arguments", [["--block-sizes", "0"], ["--operation", "swap"], ["--pool", "0"], ["--target"],
                                       ["--outstanding", "0"], ["a", "--store", "tcp://127.0.0.1:1"]])
def test_wrong_arguments_are_an_error_with_a_hint(mf, arguments):
    result = mf("bench", "fabric", *arguments)
    assert result.returncode not in (0, 1)
    assert "--help" in result.stderr
