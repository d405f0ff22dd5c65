# SPDX-License-Identifier: Apache-2.0
"""Every C and C++ example, by real processes: started one by one beside `mf store`, and by `mf run`."""

import re

import pytest

from conftest import end, finish, run, some_url, start


def run_ranks(programs, program, world):
    """A store of its own, and RANK WORLD URL on the command line. All results, by rank."""
    url = some_url()
    processes = [start([programs / "mf", "store", url])]  # who comes before it listens tries again
    try:
        for rank in range(world):
            processes.append(start([program, rank, world, url]))
        return [finish(process) for process in processes[1:]]
    finally:
        for process in processes:
            end(process)


def check_hello(output, world):
    for rank in range(world):
        previous = (rank - 1) % world
        greeting = rf"hello, rank {rank}, from rank {previous}\b"
        assert re.search(rf"rank {rank} of {world} reads at 0x[0-9a-f]+: {greeting}", output)


def check_batch(output, world):
    for rank in range(world):
        previous, following = (rank - 1) % world, (rank + 1) % world
        assert (f"rank {rank} of {world}: 122 pieces from rank {previous} and a column of rank {following} "
                "are right") in output


def check_shm_hello(output, world):
    for rank in range(world):
        following = (rank + 1) % world
        assert re.search(rf"rank {rank} of {world} reads at 0x[0-9a-f]+: greetings from rank {following}\b", output)


def check_trans_hello(output, world):
    for rank in range(world):
        assert re.search(rf"rank {rank} of {world} has a letter from rank {(rank - 1) % world}\b", output)


EXAMPLES = {"bm_hello": check_hello, "bm_batch_async": check_batch, "shm_hello": check_shm_hello, "trans_hello": check_trans_hello}


@pytest.mark.parametrize("world", [1, 2, 4])
@pytest.mark.parametrize("name", EXAMPLES)
def test_example_started_one_by_one(programs, name, world):
    results = run_ranks(programs, programs / name, world)
    assert [result.returncode for result in results] == [0] * world, [result.stderr for result in results]
    EXAMPLES[name]("".join(result.stdout for result in results), world)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_under_mf_run(programs, name):
    result = run([programs / "mf", "run", "-n", 4, "--", programs / name])
    assert result.returncode == 0, result.stderr
    EXAMPLES[name](result.stdout, 4)


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_without_arguments_says_how_to_use_it(programs, name):
    result = run([programs / name], env={"PATH": "/usr/bin"})
    assert result.returncode == 1
    assert "usage:" in result.stderr and "mf run" in result.stderr


def test_example_names_the_url_that_is_wrong(programs):
    result = run([programs / "bm_hello", 0, 1, "tcp://no-port-here"])
    assert result.returncode == 1
    assert "smem_bm_init failed" in result.stderr and "no-port-here" in result.stderr
