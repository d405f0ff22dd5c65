# SPDX-License-Identifier: Apache-2.0
"""A process whose configuration names no rank takes it from the program that started it."""
import pytest

from pool import INVALID_PARAM, MIB, make_pool

WORLD = 3


def mf_run(rank, world):
    return {"MF_RANK": rank, "MF_WORLD_SIZE": world, "MF_LOCAL_RANK": rank}


def torchrun(rank, world):
    return {
        "RANK": rank,
        "WORLD_SIZE": world,
        "LOCAL_RANK": rank,
        "LOCAL_WORLD_SIZE": world,
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": 29500,
    }


def open_mpi(rank, world):
    return {
        "OMPI_COMM_WORLD_RANK": rank,
        "OMPI_COMM_WORLD_SIZE": world,
        "OMPI_COMM_WORLD_LOCAL_RANK": rank,
        "PMIX_RANK": rank,
    }


def mpich(rank, world):
    return {"PMI_RANK": rank, "PMI_SIZE": world, "MPI_LOCALRANKID": rank}


def slurm(rank, world):
    return {
        "SLURM_JOB_ID": 4711,
        "SLURM_PROCID": rank,
        "SLURM_LOCALID": rank,
        "SLURM_NTASKS": world,
        "SLURM_STEP_NUM_TASKS": world,
    }


LAUNCHERS = {mf_run: "mf run", torchrun: "torchrun", open_mpi: "mpirun", mpich: "mpirun", slurm: "Slurm"}


def start(harness, variables):
    """An actor with these variables in its environment and the default configuration: no rank."""
    actor = harness.actor(environment={name: str(value) for name, value in variables.items()})
    actor.call("log_level", 1)
    actor.call("config_init")
    return actor


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_ranks_come_from_the_launcher(harness, launcher):
    actors = [start(harness, launcher(rank, WORLD)) for rank in range(WORLD)]
    for actor in actors:
        actor.send("bm_init", harness.url, WORLD, 0)
    for rank, actor in enumerate(actors):
        actor.expect_ok(60)
        assert actor.value("rank") == rank
        assert f"{LAUNCHERS[launcher]}: rank {rank} of {WORLD}" in actor.stderr()
        actor.rank = rank
    pool = make_pool(actors)
    actors[0].call("fill", pool.region(WORLD - 1), MIB, 5)
    actors[WORLD - 1].call("check", pool.region(WORLD - 1), MIB, 5)


def test_a_rank_in_the_configuration_counts_more(harness):
    actor = start(harness, torchrun(2, WORLD))
    actor.call("config", "rankId", 0)
    actor.call("bm_init", harness.url, WORLD, 0)
    assert actor.value("rank") == 0


@pytest.mark.parametrize("inner", [torchrun, open_mpi])
def test_the_innermost_launcher_counts(harness, inner):
    """A job script of Slurm is rank 0 of 1 there, and starts the ranks by another launcher."""
    actor = start(harness, {**slurm(0, 1), **inner(1, 2)})
    actor.call("config", "dynamicWorldSize", 1)
    harness.actor().call("create_store", harness.url)
    actor.call("bm_init", harness.url, 2, 0)
    assert actor.value("rank") == 1


@pytest.mark.parametrize("launcher", LAUNCHERS)
def test_a_launchers_rank_outside_the_programs_world_is_refused(harness, launcher):
    actor = start(harness, launcher(5, 8))
    actor.fails(INVALID_PARAM, "bm_init", harness.url, 4, 0, naming=["5", "4"])


def test_rank_alone_is_no_launcher(harness):
    actor = start(harness, {"RANK": 0, "WORLD_SIZE": 1})
    actor.fails(INVALID_PARAM, "bm_init", harness.url, 1, 0, naming=["rankId", "torchrun"])
