# SPDX-License-Identifier: Apache-2.0
"""Prefill on one host and decode on another one: examples/kv_handoff.py."""
import pathlib

import pytest

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "examples" / "kv_handoff.py"
SHAPE = ["--layers", "5", "--tokens", "500", "--heads", "3", "--page-tokens", "7", "--requests", "2"]


@pytest.mark.parametrize("memory", ["private", "pool"])
def test_every_page_arrives(make_cluster, python_packages, memory):
    cluster = make_cluster(2)
    place = f"{cluster.network.address(0)}:17500"
    programs = []
    for host, name, option in zip(cluster.hosts, ("decode", "prefill"), ("--decode-at", "--prefill-to")):
        command = ["/usr/bin/python3", "-u", PROGRAM, *SHAPE, "--memory", memory, option, place]
        environment = {"PYTHONPATH": str(python_packages), "PYTHONDONTWRITEBYTECODE": "1"}
        programs.append(host.start(command, name, environment))
        if name == "decode":
            assert "waits for prefill" in read_until(programs[0], "waits for prefill")
    decode, prefill = programs
    assert "360 of 360 pages are right" in read_until(decode, "request 1:")
    assert "bytes by path: fabric " in read_until(prefill, "bytes by path")
    assert [program.wait(60) for program in programs] == [0, 0]


def read_until(program, words):
    while True:
        line = program.read_line(60)
        if words in line:
            return line
