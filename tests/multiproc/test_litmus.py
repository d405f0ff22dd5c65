# SPDX-License-Identifier: Apache-2.0
"""The memory model (litmus.c): what a process may see of another one's copies, and what it must see."""
import pytest

from actors import BUILD
from pool import KIB, MIB

METHODS = ["single", "batch", "rows", "async"]
MESSAGE_SIZES = [8, 4 * KIB, 64 * KIB, MIB]


def run_litmus(harness, world, milliseconds, *test, environment=None):
    """All ranks end well; returns the rounds of each. Every variation takes so many milliseconds or a few
    rounds, whatever the build's speed."""
    ranks = [
        harness.start(
            [BUILD / "bin" / "memfabric_litmus", harness.url, rank, world, milliseconds, *test],
            f"rank{rank}",
            environment,
        )
        for rank in range(world)
    ]
    codes = [rank.wait(60) for rank in ranks]
    assert codes == [0] * world, "\n".join(rank.stderr() for rank in ranks)
    return [int(rank.read_line().removeprefix("rounds ")) for rank in ranks]


@pytest.mark.parametrize("method", METHODS)
def test_an_aligned_copy_of_8_bytes_is_never_torn(harness, method):
    """One rank writes, two read by plain loads and by copies; three temperatures."""
    for rounds in run_litmus(harness, 3, 300, "torn", method):
        assert rounds >= 3 * 512


@pytest.mark.parametrize("size", MESSAGE_SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_who_sees_the_flag_sees_the_data(harness, method, size):
    """The data by one method, then the flag by a copy or a release store; three temperatures; two ranks
    read, by loads and by copies, one of them in another rank's region."""
    writer, *readers = run_litmus(harness, 3, 40, "message", method, size, 1)
    assert writer >= 6 * 3
    assert readers == [writer, writer]


@pytest.mark.parametrize("size", MESSAGE_SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_copies_of_several_threads(harness, method, size):
    """Three threads of a process write at once, each to a thread of the other process."""
    writer, reader = run_litmus(harness, 2, 40, "message", method, size, 3)
    assert writer == reader >= 3 * 6 * 3


@pytest.mark.parametrize("size", MESSAGE_SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_threads_of_one_process_see_each_others_copies(harness, method, size):
    """Writers and readers are threads of one process, so that ThreadSanitizer sees both sides."""
    (rounds,) = run_litmus(harness, 1, 40, "message", method, size, 2)
    assert rounds >= 2 * 2 * 6 * 3


@pytest.mark.parametrize("size", MESSAGE_SIZES)
@pytest.mark.parametrize("world", [2, 4])
def test_after_an_exchange_of_flags_all_see_all_data(harness, world, size):
    """Every rank writes to every rank, then raises a flag there, then waits for everybody's flag."""
    rounds = run_litmus(harness, world, 300, "exchange", size)
    assert rounds == [rounds[0]] * world
    assert rounds[0] >= 3


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kernel", ["memcpy", "nontemporal"])
def test_helper_threads_keep_the_order(harness, kernel, method):
    """Every large copy is shared between four threads, by each kernel."""
    environment = {"MF_COPY_KERNEL": kernel, "MF_COPY_THREADS": "4", "MF_COPY_PARALLEL_MIN": str(64 * KIB)}
    writer, reader = run_litmus(harness, 2, 40, "message", method, MIB, 1, environment=environment)
    assert writer == reader >= 6 * 3
