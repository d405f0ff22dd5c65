# SPDX-License-Identifier: Apache-2.0
"""Ranks that other launchers start on several hosts: each host counts its local ranks from 0."""
import pytest

from pool import MIB, make_pool
from test_launchers import LAUNCHERS, mpich, open_mpi, slurm, torchrun

LOCAL = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")
RANKS_OF_HOST = 2


@pytest.mark.parametrize("launcher", [torchrun, open_mpi, mpich, slurm])
def test_ranks_come_from_the_launcher(make_cluster, launcher):
    cluster = make_cluster(2)
    actors = []
    for rank in range(2 * RANKS_OF_HOST):
        variables = launcher(rank, 2 * RANKS_OF_HOST)
        variables |= {name: rank % RANKS_OF_HOST for name in LOCAL if name in variables}
        if "MASTER_ADDR" in variables:
            variables["MASTER_ADDR"] = cluster.network.address(0)
        environment = {name: str(value) for name, value in variables.items()}
        actors.append(cluster.hosts[rank // RANKS_OF_HOST].actor(environment=environment))
        actors[-1].call("log_level", 1)
        actors[-1].call("config_init")
    for actor in actors:
        actor.send("bm_init", cluster.url, len(actors), 0)
    for rank, actor in enumerate(actors):
        actor.expect_ok(60)
        assert actor.value("rank") == rank
        assert f"{LAUNCHERS[launcher]}: rank {rank} of {len(actors)}" in actor.stderr()
    pool = make_pool(actors)
    for host in range(2):  # the two ranks of a host share memory, whoever started them
        first, second = actors[host * RANKS_OF_HOST : (host + 1) * RANKS_OF_HOST]
        first.call("fill", pool.region(2 * host), MIB, host)
        second.call("check", pool.region(2 * host), MIB, host)
