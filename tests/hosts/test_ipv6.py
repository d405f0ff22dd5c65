# SPDX-License-Identifier: Apache-2.0
"""Hosts that have addresses of IPv6 and no others."""
import pytest

from pool import G2H, H2G, MIB, PEER_LOST, start_pool
from suites import moved


def test_big_memory_is_copied_and_a_death_is_found(make_cluster):
    cluster = make_cluster(2)
    network = cluster.network
    for host in range(2):
        if network.address6(host) not in network.run(host, "ip", "-6", "address", "show", "dev", "eth0").stdout:
            pytest.skip("this kernel has no IPv6")
        assert network.run(host, "ip", "-4", "address", "flush", "dev", "eth0").returncode == 0
    pool = start_pool(cluster, 2, dram=8 * MIB, url=f"tcp://[{network.address6(0)}]:17000")
    near, far = pool.actors
    buffer, back = near.value("alloc", 8 * MIB), near.value("alloc", 8 * MIB)
    near.call("fill", buffer, 8 * MIB, 3)
    near.call("copy", pool.handle(near), H2G, 0, pool.region(1), buffer, 8 * MIB)
    far.call("check", pool.region(1), 8 * MIB, 3)
    near.call("copy", pool.handle(near), G2H, 0, back, pool.region(1), 8 * MIB)
    near.call("check", back, 8 * MIB, 3)
    counts = moved([near])
    assert counts["put"] == counts["get"] == 8 * MIB, counts
    far.kill()
    near.fails(PEER_LOST, "copy", pool.handle(near), G2H, 0, back, pool.region(1), 8, naming="rank 1", timeout=40)
