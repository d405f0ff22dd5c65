# SPDX-License-Identifier: Apache-2.0
"""The command `mf bench trans`."""
import json
import os
import select
import shlex
import signal

import pytest

SHAPE = ["--block-size", "64k", "--batch", "5"]
QUICK = ["bench", "trans", "--pool", "8M", "--seconds", "0.1", *SHAPE]


def ends(pid):
    """Whether a process that is nobody's child here goes away in time."""
    try:
        descriptor = os.pidfd_open(int(pid))
    except ProcessLookupError:
        return True
    ready, _, _ = select.select([descriptor], [], [], 60)
    os.close(descriptor)
    return bool(ready)


def found(result):
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout)


@pytest.mark.parametrize("operation", ["write", "read"])
@pytest.mark.parametrize("memory, forced, path", [("private", "auto", "attach"), ("private", "staging", "staging"),
                                                  ("library", "auto", "mapped"), ("library", "fabric", "fabric")])
def test_every_path_moves_and_verifies(mf, operation, memory, forced, path):
    environment = {"MF_TRANS_PATH": forced, "MF_FABRIC": "on" if path == "fabric" else "auto"}
    numbers = found(mf(*QUICK, "--operation", operation, "--memory", memory, "--verify", "--json", env=environment))
    assert (numbers["operation"], numbers["verified"]) == (operation, True)
    assert numbers["bytes"] == numbers["operations"] * 5 * 65536
    assert {name: count["bytes"] for name, count in numbers["paths"].items() if count["bytes"]} == {path: numbers["bytes"]}
    assert 0 < numbers["p50_us"] <= numbers["p99_us"] <= numbers["p99.9_us"]
    assert numbers["gigabytes_per_second"] > 0


def test_odd_blocks_and_threads(mf):
    numbers = found(mf("bench", "trans", "--pool", "1000003", "--seconds", "0.1", "--block-size", "1001", "--batch", "7", "--threads",
                       "3", "--verify", "--json"))
    assert (numbers["block"], numbers["batch"], numbers["threads"], numbers["verified"]) == (1001, 7, 3, True)


def test_the_table_says_the_same_in_words(mf):
    result = mf(*QUICK, "--verify")
    assert result.returncode == 0, result.stderr
    for part in ("GB/s", "p50", "p99.9", "path: attach", "verified: every byte arrived"):
        assert part in result.stdout


def test_the_target_prints_what_to_paste(mf):
    target = mf.start("bench", "trans", "--target", "--pool", "8M")
    line = target.stdout.readline()
    words = shlex.split(line)
    assert words[1:3] == ["bench", "trans"], target.communicate()
    for _ in range(2):  # it serves one initiator after the other
        assert found(mf(*words[1:], "--seconds", "0.1", *SHAPE, "--verify", "--json"))["verified"] is True
    target.send_signal(signal.SIGINT)
    target.communicate(timeout=60)
    assert target.returncode == 0
    late = mf(*words[1:], "--seconds", "0.1", *SHAPE)
    assert late.returncode == 1 and words[words.index("--store") + 1] in late.stderr


def test_the_target_uses_a_store_that_is_there(mf):
    store = mf.start("store", "tcp://127.0.0.1:0", "--print-url")
    url = store.stdout.readline().strip()
    target = mf.start("bench", "trans", "--target", "--pool", "8M", "--store", url, "--memory", "library")
    words = shlex.split(target.stdout.readline())
    assert words[words.index("--store") + 1] == url
    assert found(mf(*words[1:], "--seconds", "0.1", *SHAPE, "--json"))["paths"]["mapped"]["bytes"] > 0


def test_a_killed_initiator_leaves_no_target_behind(mf):
    initiator = mf.start("bench", "trans", "--pool", "8M", "--seconds", "3600", *SHAPE)
    children = f"/proc/{initiator.pid}/task/{initiator.pid}/children"
    child = ""
    while not child and initiator.poll() is None:
        with open(children, encoding="ascii") as listing:
            child = listing.read().strip()
    assert child, initiator.communicate()
    initiator.kill()
    initiator.communicate()
    assert ends(child)


@pytest.mark.parametrize("arguments, word", [(["--pool", "1M", "--block-size", "2M"], "too small"),
                                             (["--store", "tcp://127.0.0.1:1"], "--peer")])
def test_what_does_not_fit_is_said(mf, arguments, word):
    result = mf("bench", "trans", "--seconds", "0.1", *arguments)
    assert result.returncode == 1
    assert word in result.stderr


@pytest.mark.parametrize("arguments", [["--block-size", "0"], ["--operation", "swap"], ["--memory", "other"], ["--peer", "a:1"],
                                       ["--address", "1"], ["--pool", "0"], ["--threads", "0"]])
def test_wrong_arguments_are_an_error_with_a_hint(mf, arguments):
    result = mf("bench", "trans", *arguments)
    assert result.returncode not in (0, 1)
    assert "--help" in result.stderr
