# SPDX-License-Identifier: Apache-2.0
"""The demo on several hosts: scripts/demo.sh --hosts, after the building."""
import hashlib
import os
import re
import signal
import subprocess

import pytest

import network
from actors import BUILD, ROOT, wait_for
from suites import short

DEMO = ROOT / "scripts" / "demo_hosts.py"


pytestmark = pytest.mark.usefixtures("python_packages")


def start(hosts, source):
    return subprocess.Popen(
        ["/usr/bin/python3", str(DEMO), str(hosts), str(source)],
        env={**os.environ, "MEMFABRIC_BUILD_DIR": str(BUILD)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def namespaces_of(process):
    return [name for name in network.namespaces() if name.startswith(f"{network.PREFIX}-{process.pid}-")]


@pytest.mark.parametrize("hosts", short(2, 3))
def test_a_file_passes_through_memory_of_all_hosts(tmp_path, hosts):
    data = os.urandom(70_000_001)
    (tmp_path / "input").write_bytes(data)
    process = start(hosts, tmp_path / "input")
    out, errors = process.communicate(timeout=100)
    assert process.returncode == 0, errors
    ranks, digest = 2 * hosts, hashlib.sha256(data).hexdigest()
    assert f"{len(data)} bytes, over {ranks} ranks on {hosts} host(s): host0, host1" in out
    assert f"SHA-256 of the input: {digest}" in out
    for rank in range(ranks):
        assert re.search(rf"SHA-256 at rank {rank}: +{digest} equal", out)
        row = re.search(rf"^pool -> rank {rank} +host{rank // 2} +{len(data)} +(\d+) ", out, flags=re.M)
        assert len(data) * 0.4 < int(row.group(1)) < len(data) * 0.8  # on other hosts
    assert len(re.findall(r"decode: request \d: (\d+) of \1 pages are right", out)) == 3
    assert "prefill: bytes by path: fabric" in out
    assert not namespaces_of(process)


def test_a_file_that_is_not_there(tmp_path):
    process = start(2, tmp_path / "nothing")
    out, errors = process.communicate(timeout=100)
    assert process.returncode == 1 and out == ""
    assert f"{tmp_path / 'nothing'}: does not exist" in errors
    assert not namespaces_of(process)


def test_interruption_leaves_nothing_behind(tmp_path):
    (tmp_path / "input").write_bytes(os.urandom(200_000_000))
    process = start(2, tmp_path / "input")
    wait_for(lambda: len(namespaces_of(process)) == 3, "the hosts to be made", 30)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to all of them
    process.communicate(timeout=60)
    assert process.returncode == 128 + signal.SIGINT
    assert not namespaces_of(process)
