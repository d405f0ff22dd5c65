# SPDX-License-Identifier: Apache-2.0
"""Ranks that other launchers start on several hosts: each host counts its local ranks from 0."""
import pytest

from pool import MIB, make_pool
from test_launchers import LAUNCHERS, mpich, open_mpi, slurm, torchrun
from test_shmem_conformance import PROGRAMS, build

LOCAL = ("LOCAL_RANK", "OMPI_COMM_WORLD_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID")
RANKS_OF_HOST = 2


def pmix(rank, world):
    """Slurm with --mpi=pmix."""
    return {"PMIX_RANK": rank, **slurm(rank, world)}


def environments(cluster, launcher):
    """Of two ranks on each host, in the order of their numbers."""
    for rank in range(2 * RANKS_OF_HOST):
        variables = launcher(rank, 2 * RANKS_OF_HOST)
        variables |= {name: rank % RANKS_OF_HOST for name in LOCAL if name in variables}
        if "MASTER_ADDR" in variables:
            variables["MASTER_ADDR"] = cluster.network.address(0)
        yield {name: str(value) for name, value in variables.items()}


@pytest.mark.parametrize("launcher", [torchrun, open_mpi, mpich, slurm])
def test_ranks_come_from_the_launcher(make_cluster, launcher):
    cluster = make_cluster(2)
    actors = []
    for rank, environment in enumerate(environments(cluster, launcher)):
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


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Prints for each PE whose memory it has pointers to."""
    program = tmp_path_factory.mktemp("programs") / "places"
    build(PROGRAMS / "places.c", program, "c")
    return program


def start_pes(cluster, program, launcher, store):
    """With variables of the store beside the launcher's."""
    return [
        cluster.hosts[pe // RANKS_OF_HOST].start([program], environment=environment | store)
        for pe, environment in enumerate(environments(cluster, launcher))
    ]


@pytest.mark.parametrize("prefix", ["", "SHMEM_"])
@pytest.mark.parametrize("launcher", [torchrun, open_mpi, mpich, slurm, pmix])
def test_openshmem_programs_come_from_the_launcher(make_cluster, places, launcher, prefix):
    cluster = make_cluster(2)
    store = {f"{prefix}MASTER_ADDR": cluster.network.address(0), f"{prefix}MASTER_PORT": "17500"}
    pes = start_pes(cluster, places, launcher, store)
    for pe in pes:
        assert pe.wait(60) == 0, pe.stderr()
    assert [pes[0].read_line(1) for _ in range(5)] == ["1100", "1100", "0011", "0011", "ok"]


def test_an_openshmem_program_whose_store_nobody_names_says_what_to_set(make_cluster, places):
    for pe, process in enumerate(start_pes(make_cluster(2), places, slurm, {})):
        assert process.wait(30) == 1
        assert f"SHMEM PE {pe}: " in process.stderr()
        for name in ("SHMEM_MASTER_ADDR", "MASTER_PORT", "MF_STORE_URL", "oshrun"):
            assert name in process.stderr()
