# SPDX-License-Identifier: Apache-2.0
"""The memory model between hosts, and between hosts and inside of one at once: tests/multiproc/litmus.c."""
import pytest

from actors import BUILD
from pool import KIB, MIB
from suites import short

METHODS = ["single", "batch", "rows", "async"]
SIZES = short(64 * KIB, 8, 4 * KIB, MIB)
PLACES = short("aab", "abb", "abc")


def run_litmus(make_cluster, places, milliseconds, *test):
    """One rank a letter, on the host of that letter. The rounds of each."""
    cluster = make_cluster(len(set(places)))
    world = len(places)
    ranks = [
        cluster.hosts[ord(place) - ord("a")].start(
            [BUILD / "bin" / "memfabric_litmus", cluster.url, rank, world, milliseconds, *test],
            f"rank{rank}",
            {"LITMUS_HOSTS": places},
        )
        for rank, place in enumerate(places)
    ]
    codes = [rank.wait(100) for rank in ranks]
    assert codes == [0] * world, "\n".join(rank.stderr() for rank in ranks)
    return [int(rank.read_line().removeprefix("rounds ")) for rank in ranks]


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("method", METHODS)
def test_an_aligned_copy_of_8_bytes_is_never_torn(make_cluster, places, method):
    for rounds in run_litmus(make_cluster, places, 300, "torn", method):
        assert rounds >= 3 * 512


@pytest.mark.parametrize("places", PLACES)
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", METHODS)
def test_who_sees_the_flag_sees_the_data(make_cluster, places, method, size):
    writer, *readers = run_litmus(make_cluster, places, 40, "message", method, size, 1)
    assert writer >= 6 * 3
    assert readers == [writer] * len(readers)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("method", short(*METHODS))
def test_copies_of_several_threads(make_cluster, method, size):
    writer, reader = run_litmus(make_cluster, "ab", 40, "message", method, size, 3)
    assert writer == reader >= 3 * 6 * 3


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("places", ["ab", "aabb"])
def test_after_an_exchange_of_flags_all_see_all_data(make_cluster, places, size):
    rounds = run_litmus(make_cluster, places, 300, "exchange", size)
    assert rounds == [rounds[0]] * len(places)
    assert rounds[0] >= 3
