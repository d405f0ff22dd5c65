# SPDX-License-Identifier: Apache-2.0
"""The command `mf bench`."""
import json

import pytest

QUICK = ["bench", "bm", "--pool", "8M", "--seconds", "0.1"]


@pytest.mark.parametrize("direction", ["h2g", "g2h", "g2g"])
def test_every_direction_moves_and_verifies(mf, direction):
    result = mf(*QUICK, "--direction", direction, "--verify", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert found["direction"] == direction
    assert found["verified"] is True
    for contender in ("memfabric", "memcpy", "nontemporal_loop"):
        assert found[contender]["gigabytes_per_second"] > 0
        assert found[contender]["bytes"] == found[contender]["operations"] * found["block"]
        assert 0 < found[contender]["p50_us"] <= found[contender]["p99_us"]


def test_batches_threads_and_odd_blocks(mf):
    result = mf(*QUICK, "--block-size", "1000", "--batch", "7", "--threads", "3", "--verify", "--json")
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout)
    assert (found["block"], found["batch"], found["threads"], found["verified"]) == (1000, 7, 3, True)
    assert found["memfabric"]["bytes"] == found["memfabric"]["operations"] * 7000
    assert "nontemporal_loop" not in found, "it copies whole lines only"


def test_the_table_says_the_same_in_words(mf):
    result = mf(*QUICK, "--block-size", "64k", "--verify")
    assert result.returncode == 0, result.stderr
    assert "65536 bytes a block" in result.stdout
    assert "verified: every byte arrived" in result.stdout
    assert "GB/s" in result.stdout and "p99" in result.stdout


@pytest.mark.parametrize("arguments, word", [(["--pool", "3M"], "--pool"), (["--pool", "8M", "--block-size", "64M"], "too small"),
                                             (["--pool", "8M", "--batch", "1000"], "too small")])
def test_what_does_not_fit_is_said(mf, arguments, word):
    result = mf("bench", "bm", "--seconds", "0.1", *arguments)
    assert result.returncode == 1
    assert word in result.stderr


@pytest.mark.parametrize("arguments", [["--block-size", "0"], ["--direction", "sideways"], ["--seconds", "0"], ["--threads", "0"],
                                       ["--batch", "x"]])
def test_wrong_arguments_are_an_error_with_a_hint(mf, arguments):
    result = mf(*QUICK, *arguments)
    assert result.returncode not in (0, 1)
    assert "--help" in result.stderr
