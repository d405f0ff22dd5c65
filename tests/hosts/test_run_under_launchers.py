# SPDX-License-Identifier: Apache-2.0
"""`mf run` as a task of another launcher, and in the allocation of a Slurm job."""
import json
import sys

import pytest

from launcher import MF, Launcher
from test_launchers import mpich, open_mpi, slurm, torchrun
from test_launchers_on_hosts import places  # a fixture
from test_run_on_hosts import PRINT_PLACE, check_places
from test_run_on_hosts import places as places_of

assert places
RANKS_OF_TASK = 2
PRINT_VARIABLES = """
import json, os
names = ["MF_RANK", "MF_WORLD_SIZE", "MF_LOCAL_RANK", "MF_STORE_URL", "MASTER_ADDR", "MASTER_PORT", "RANK", "WORLD_SIZE"]
print(json.dumps({name: os.environ.get(name) for name in names}))
"""


def start_tasks(cluster, launcher, words, extra=None):
    """A task on each host, with the launcher's variables."""
    started = []
    for number, host in enumerate(cluster.hosts):
        variables = {name: str(value) for name, value in launcher(number, len(cluster.hosts)).items()}
        if "MASTER_ADDR" in variables:
            variables["MASTER_ADDR"] = cluster.network.address(0)
        started.append(host.start([MF, "run", *map(str, words)], environment=variables | (extra or {})))
    return started


def master(cluster):
    return {"MASTER_ADDR": cluster.network.address(0), "MASTER_PORT": "29500"}


def lines_of(process, count):
    return [process.read_line(1) for _ in range(count)]


@pytest.mark.parametrize("launcher", [torchrun, open_mpi, mpich, slurm])
def test_tasks_are_parts_of_one_world(make_cluster, places, launcher):
    cluster = make_cluster(2)
    tasks = start_tasks(cluster, launcher, ["-n", RANKS_OF_TASK, "--", places], master(cluster))
    for task in tasks:
        assert task.wait(60) == 0, task.stderr()
    # The first task serves the store, and each host's ranks have pointers to each other alone.
    assert lines_of(tasks[0], 5) == [f"[0] {line}" for line in ("1100", "1100", "0011", "0011", "ok")]


@pytest.mark.parametrize("launcher", [torchrun, slurm])
def test_what_the_ranks_of_a_task_are_told(make_cluster, launcher):
    cluster = make_cluster(2)
    words = ["-n", RANKS_OF_TASK, "--", sys.executable, "-c", PRINT_VARIABLES]
    for number, task in enumerate(start_tasks(cluster, launcher, words, master(cluster))):
        assert task.wait(60) == 0, task.stderr()
        for line in sorted(lines_of(task, RANKS_OF_TASK)):
            told = json.loads(line.partition("] ")[2])
            rank = int(told["MF_RANK"])
            assert rank // RANKS_OF_TASK == number and told["MF_LOCAL_RANK"] == str(rank % RANKS_OF_TASK)
            assert told["MF_WORLD_SIZE"] == "4"
            assert told["MF_STORE_URL"] == f"tcp://{cluster.network.address(0)}:29511"
            assert (told["MASTER_ADDR"], told["MASTER_PORT"]) == (cluster.network.address(0), "29500")
            if launcher is torchrun:
                assert (told["RANK"], told["WORLD_SIZE"]) == (str(rank), "4")


def test_torchs_own_place_is_left_where_the_store_is_elsewhere(make_cluster):
    cluster = make_cluster(2)
    words = ["--store", cluster.url, "--", sys.executable, "-c", PRINT_VARIABLES]
    for number, task in enumerate(start_tasks(cluster, torchrun, words)):
        assert task.wait(60) == 0, task.stderr()
        told = json.loads(lines_of(task, 1)[0].partition("] ")[2])
        assert (told["MF_RANK"], told["MF_WORLD_SIZE"], told["MF_STORE_URL"]) == (str(number), "2", cluster.url)
        assert (told["MASTER_ADDR"], told["MASTER_PORT"]) == (cluster.network.address(0), "29500")


@pytest.mark.parametrize("launcher", [open_mpi, slurm])
def test_tasks_whose_store_nobody_names_say_what_to_set(make_cluster, launcher):
    for number, task in enumerate(start_tasks(make_cluster(2), launcher, ["-n", 2, "--", "true"])):
        assert task.wait(30) == 1
        for text in (f"task {number} of 2", "MASTER_ADDR", "MASTER_PORT", "--store", "--world-size"):
            assert text in task.stderr()


def test_a_world_of_its_own_is_to_be_asked_for(make_cluster):
    words = ["-n", 2, "--world-size", 2, "--", sys.executable, "-c", PRINT_VARIABLES]
    for task in start_tasks(make_cluster(2), slurm, words):
        assert task.wait(30) == 0, task.stderr()
        told = [json.loads(line.partition("] ")[2]) for line in lines_of(task, 2)]
        assert sorted(place["MF_RANK"] for place in told) == ["0", "1"]
        assert {place["MF_STORE_URL"].rpartition(":")[0] for place in told} == {"tcp://127.0.0.1"}


SCRIPT = {"SLURM_PROCID": "0", "SLURM_LOCALID": "0", "SLURM_NTASKS": "4"}
ONLY_TASK = {**SCRIPT, "SLURM_STEP_ID": "4294967290", "SLURM_STEP_NUM_TASKS": "1"}


@pytest.mark.parametrize("inside", [{}, SCRIPT, ONLY_TASK], ids=["salloc", "sbatch", "interactive step"])
def test_the_hosts_of_an_allocation(make_cluster, tmp_path, inside):
    launcher = Launcher(make_cluster(2), tmp_path)
    allocation = {"SLURM_JOB_ID": "4711", "SLURM_JOB_NODELIST": "10.77.0.[1-2]", "SLURM_TASKS_PER_NODE": "2(x2)"}
    result = launcher.run("--", sys.executable, "-c", PRINT_PLACE, environment=allocation | inside)
    check_places(launcher, places_of(result))


def test_hosts_that_are_named_count_more_than_an_allocation(make_cluster, tmp_path):
    launcher = Launcher(make_cluster(2), tmp_path)
    result = launcher.run("--hosts", launcher.hosts(2), "--", sys.executable, "-c", PRINT_PLACE,
                          environment={"SLURM_JOB_NODELIST": "elsewhere[1-9]", **SCRIPT})
    check_places(launcher, places_of(result))
    result = launcher.run("--", "true", environment={"SLURM_JOB_NODELIST": "node[1-"})
    assert result.returncode == 1 and "'node[1-'" in result.stderr and "--hosts" in result.stderr
