# SPDX-License-Identifier: Apache-2.0
"""The command `mf ping` on one machine, where MF_HOST_ID makes other hosts. tests/hosts has it between real ones."""
import json
import os
import signal

import pytest


class Peers:
    """A store, and processes at it that answer."""

    def __init__(self, mf):
        self.mf = mf
        self.store = mf.start("store", "tcp://127.0.0.1:0", "--print-url")
        self.url = self.store.stdout.readline().strip()

    def serve(self, host=None):
        peer = self.mf.start("ping", "--serve", "--store", self.url, env={"MF_HOST_ID": host} if host else None)
        assert "answering pings" in peer.stdout.readline(), peer.communicate()
        return peer

    def ping(self, *words, code=0, env=None):
        result = self.mf("ping", "--store", self.url, "--json", *words, env=env)
        assert result.returncode == code, result.stderr
        return json.loads(result.stdout)["pings"]


@pytest.fixture
def peers(mf):
    return Peers(mf)


def test_another_host_is_reached_by_the_fabric_and_this_one_by_shared_memory(peers):
    far, near = peers.serve("far"), peers.serve()
    by_pid = {row["to"]["pid"]: row for row in peers.ping()}
    assert by_pid.keys() == {far.pid, near.pid}
    fabric = by_pid[far.pid]
    assert fabric["reached"] and fabric["to"]["host_id"] == "far" and fabric["to"]["program"] == "mf"
    assert fabric["to"]["provider"] == "tcp;ofi_rxm" and fabric["to"]["ways"][0]["interface"] == "lo"
    assert fabric["path"].startswith("tcp;ofi_rxm lo 127.0.0.1 -> 127.0.0.1:")
    assert 0 < fabric["min_us"] <= fabric["median_us"] and fabric["min_us"] <= fabric["first_us"]
    shared = by_pid[near.pid]
    assert shared["reached"] and shared["to"]["same_host"] and shared["path"] == "shared memory (same host)"
    assert "min_us" not in shared


def test_the_table_says_the_same_in_words(peers, mf):
    peers.serve("far")
    result = mf("ping", "--store", peers.url)
    assert result.returncode == 0, result.stderr
    for part in ("median", " us", "tcp;ofi_rxm lo 127.0.0.1 -> ", "1 of 1 reached"):
        assert part in result.stdout


def test_the_store_is_the_one_of_the_environment(peers, mf):
    peers.serve("far")
    result = mf("ping", env={"MF_STORE_URL": peers.url})
    assert result.returncode == 0 and "1 of 1 reached" in result.stdout, result.stderr


def test_a_stopped_process_is_not_reached_and_the_reason_is_told(peers):
    far = peers.serve("far")
    os.kill(far.pid, signal.SIGSTOP)
    (row,) = peers.ping("--timeout", "0.5", code=1)
    assert not row["reached"] and "min_us" not in row
    assert "connected" in row["problem"] and "stopped" in row["problem"]
    os.kill(far.pid, signal.SIGCONT)
    assert peers.ping()[0]["reached"]


def test_a_process_that_has_gone_is_not_listed(peers, mf):
    far, other = peers.serve("far"), peers.serve("farther")
    far.send_signal(signal.SIGINT)
    far.communicate(timeout=30)
    assert far.returncode == 0
    assert [row["to"]["pid"] for row in peers.ping()] == [other.pid]


def test_nobody_there_is_an_error(peers, mf):
    result = mf("ping", "--store", peers.url)
    assert result.returncode == 1 and "no process" in result.stderr and "--serve" in result.stderr


def test_a_store_that_is_not_there_is_an_error(mf):
    result = mf("ping", "--store", "tcp://127.0.0.1:1", "--timeout", "0.5")
    assert result.returncode == 1 and "127.0.0.1:1" in result.stderr


def test_where_the_fabric_is_off_that_is_said(peers, mf):
    result = mf("ping", "--store", peers.url, env={"MF_FABRIC": "off"})
    assert result.returncode == 1 and "MF_FABRIC" in result.stderr


def test_this_host_pings_itself_without_ssh(mf):
    result = mf("ping", "localhost", "localhost", "--json")
    assert result.returncode == 0, result.stderr
    rows = json.loads(result.stdout)["pings"]
    assert len(rows) == 2 and all(row["to"]["name"] == row["from"]["name"] == "localhost" for row in rows)


def test_hosts_are_read_from_a_file(mf, tmp_path):
    (tmp_path / "hosts").write_text("localhost  # here\nlocalhost slots=8\n", encoding="utf-8")
    result = mf("ping", "--hostfile", tmp_path / "hosts", "--json")
    assert result.returncode == 0 and len(json.loads(result.stdout)["pings"]) == 2, result.stderr


def test_a_host_that_ssh_does_not_reach_is_named(mf):
    result = mf("ping", "localhost", "nowhere.invalid", "--address", "127.0.0.1", "--remote-shell", "false", "--json")
    assert result.returncode == 1
    row = next(row for row in json.loads(result.stdout)["pings"] if row["to"]["name"] == "nowhere.invalid")
    assert not row["reached"] and "did not come up" in row["problem"]


@pytest.mark.parametrize("arguments", [["--count", "0", "a"], ["--timeout", "0", "a"], [], ["a", "--store", "tcp://127.0.0.1:1"],
                                       ["a", "--hostfile", "b"]])
def test_wrong_arguments_are_an_error_with_a_hint(mf, arguments):
    result = mf("ping", *arguments)
    assert result.returncode not in (0, 1)
    assert "--help" in result.stderr
