# SPDX-License-Identifier: Apache-2.0
"""`mf ping` between hosts: a remote shell that enters namespaces stands in for ssh."""
import json

import pytest

from pool import make_pool
from launcher import MF, Launcher

WORDS = ("--count", "5", "--json")


class Pinger(Launcher):
    """`mf ping` at host 0 of a cluster."""

    def command(self, *words):
        return [MF, "ping", *map(str, words)]

    def all_pairs(self, *words):
        return self.run("--remote-shell", self.shell, *WORDS, *words, *(host.address for host in self.cluster.hosts))


@pytest.fixture
def pinger(make_cluster, tmp_path):
    return lambda hosts, **given: Pinger(make_cluster(hosts, **given), tmp_path)


def by_pair(result):
    return {(row["from"]["name"], row["to"]["name"]): row for row in json.loads(result.stdout)["pings"]}


def test_every_host_pings_every_other(pinger):
    mf = pinger(3)
    addresses = [host.address for host in mf.cluster.hosts]
    result = mf.all_pairs()
    assert result.returncode == 0, result.stderr
    rows = by_pair(result)
    assert rows.keys() == {(one, other) for one in addresses for other in addresses if one != other}
    for (origin, target), row in rows.items():
        assert row["reached"] and 0 < row["min_us"] <= row["median_us"]
        assert row["path"].startswith(f"tcp;ofi_rxm eth0 {origin} -> {target}:")
    assert mf.processes_inside() == []


def test_a_single_host_is_pinged_from_here(pinger):
    mf = pinger(2)
    other = mf.cluster.hosts[1].address
    result = mf.run("--remote-shell", mf.shell, *WORDS, other)
    assert result.returncode == 0, result.stderr
    assert by_pair(result).keys() == {("localhost", other), (other, "localhost")}


def test_the_interfaces_that_are_named_are_those_that_are_pinged_over(pinger):
    mf = pinger(2, networks=2)
    result = mf.run("--remote-shell", mf.shell, *WORDS, *(host.address for host in mf.cluster.hosts),
                    environment={"MF_FABRIC_ADDRESS": "eth1"})
    assert result.returncode == 0, result.stderr
    rows = by_pair(result).values()
    assert len(rows) == 2
    for row in rows:
        assert [way["interface"] for way in row["to"]["ways"]] == ["eth1"]


def test_a_network_that_is_not_shared_is_found(pinger):
    """Host 2 tells the others an address that they cannot reach: pings to it fail, those from it work."""
    mf = pinger(3)
    lonely = mf.cluster.hosts[2]
    assert mf.cluster.network.run(2, "ip", "address", "add", "10.99.0.3/24", "dev", "eth0").returncode == 0
    text = mf.shell.read_text(encoding="utf-8")
    mf.shell.write_text(text.replace("MF_HOST_ID=host2", "MF_HOST_ID=host2 MF_FABRIC_ADDRESS=10.99.0.3"), encoding="utf-8")
    result = mf.all_pairs("--timeout", "0.5")
    assert result.returncode == 1
    for (_, target), row in by_pair(result).items():
        if target == lonely.address:
            assert not row["reached"] and "10.99.0.3" in row["problem"] and "MF_FABRIC_ADDRESS" in row["problem"]
    assert by_pair(result)[mf.cluster.hosts[0].address, mf.cluster.hosts[1].address]["reached"]


def test_a_host_that_the_remote_shell_does_not_reach(pinger):
    mf = pinger(2)
    result = mf.all_pairs("--address", mf.cluster.hosts[0].address, "10.77.0.9")
    assert result.returncode == 1 and "no route to 10.77.0.9" in result.stderr
    row = by_pair(result)["-", "10.77.0.9"]
    assert not row["reached"] and "did not come up" in row["problem"]
    assert mf.processes_inside() == []


def test_running_programs_are_pinged(pinger):
    mf = pinger(2)
    ranks = mf.cluster.ranks(4)
    make_pool(ranks)
    result = mf.run("--store", mf.cluster.url, *WORDS)
    assert result.returncode == 0, result.stderr
    found = {row["to"]["pid"]: row for row in json.loads(result.stdout)["pings"]}
    assert found.keys() == {rank.pid for rank in ranks}
    for rank in ranks:
        host = mf.cluster.host_of(rank)
        assert found[rank.pid]["to"]["same_host"] is (host.number == 0)
        assert found[rank.pid]["to"]["host_id"] == f"host{host.number}"


def test_a_cut_link_is_found_and_its_mending_too(pinger):
    mf = pinger(2)
    make_pool(mf.cluster.ranks(2))
    mf.cluster.network.cut(1)
    result = mf.run("--store", mf.cluster.url, "--timeout", "0.5", *WORDS)
    assert result.returncode == 1
    lost = [row for row in json.loads(result.stdout)["pings"] if not row["reached"]]
    assert len(lost) == 1 and lost[0]["to"]["host_id"] == "host1"
    assert mf.cluster.network.address(1) in lost[0]["problem"]
    mf.cluster.network.mend(1)
    assert mf.run("--store", mf.cluster.url, *WORDS).returncode == 0
