# SPDX-License-Identifier: Apache-2.0
"""SHMEM's collectives over several hosts where something is wrong: PEs that do not call the same, PEs that
are killed inside one, links that are cut."""
import re
import subprocess
import time

import pytest

from actors import slowness, wait_for
from shmem_job import jobs_on, start_unlaunched
from suites import LONG, settle, short, stays_for, sweep_after_a_kill
from test_shmem_conformance import LIMIT, PROGRAMS, build

OUTAGE = 2  # seconds
KINDS = ["barrier", "broadcast", "broadcast_large", "collect", "collect_large", "fcollect", "fcollect_large", "alltoall",
         "alltoall_large", "alltoalls", "alltoalls_large", "reduce", "reduce_large", "active_set", "allocate", "split"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("programs")


def compiled(name):
    @pytest.fixture(scope="module", name=name)
    def fixture(folder):
        build(PROGRAMS / f"{name}.c", folder / name, "c")
        return folder / name

    return fixture


bad_arguments = compiled("bad_arguments")
bad_calls = compiled("bad_calls")
rounds = compiled("rounds")


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    with jobs_on(4 if LONG else 2, tmp_path_factory.mktemp("hosts")) as made:
        yield made


@pytest.fixture
def own_jobs(tmp_path):
    """Whose links may be cut."""
    with jobs_on(2, tmp_path) as made:
        yield made


def test_kinds_are_those_of_the_program(rounds):
    names = subprocess.run([rounds], check=True, capture_output=True, text=True, timeout=LIMIT).stdout.split()
    assert names == KINDS


# ---- wrong calls ----

PLACES_OF_WRONG = ["1+1", "2x2"] + (["4x1"] if LONG else [])


@pytest.mark.parametrize("place", PLACES_OF_WRONG[-1:] if not LONG else PLACES_OF_WRONG)
@pytest.mark.parametrize(
    "case,names",
    [
        ("root", ["shmem_int_broadcast", "root 7 is outside 0 to"]),
        ("sizes", ["shmem_int_fcollect", "8 bytes a PE, by the group's PE 0 with 4", "all PEs give the same size"]),
        ("order", ["another collective call", "in one order"]),
        ("too_many", ["shmem_longlong_fcollect", "more than there can be"]),
    ],
)
def test_wrong_call_is_named(jobs, bad_calls, place, case, names):
    code, output, errors = jobs.run(place, bad_calls, case, variables={"MF_SHMEM_CHECK": "1"})
    assert code == 1 and "survived" not in output, errors
    for name in ["SHMEM PE", *names]:
        assert name in errors


@pytest.mark.parametrize(
    "case,names",
    [
        ("roots", ["shmem_int_broadcast", "has another root"]),
        ("reductions", ["another collective call"]),
        ("team_sync_or_fcollect", ["another collective call"]),
        ("barrier_or_sync", ["another collective call"]),
        ("malloc_sizes", ["shmem_malloc", "the same at all PEs"]),
        ("malloc_or_free", ["another collective call"]),
        ("stack_collective", ["shmem_int_fcollect", "not symmetric"]),
    ],
)
def test_wrong_arguments_are_named(jobs, bad_arguments, case, names):
    code, output, errors = jobs.run("1+1", bad_arguments, case, variables={"MF_SHMEM_CHECK": "1"})
    assert (code, output) == (1, ""), errors
    for name in ["SHMEM PE", *names]:
        assert name in errors


# ---- PEs that are killed ----


def ends():
    """Every second kind with a PE that is absent, of the host with the store or of the other one; in a long
    run all kinds, PEs and moments."""
    if LONG:
        return [(kind, pe, when) for kind in KINDS for pe in (0, 1, 3) for when in ("absent", "amid")]
    absent = [(kind, (3, 1, 0)[place // 2 % 3], "absent") for place, kind in enumerate(KINDS) if place % 2 == 0]
    return [*absent, ("reduce_large", 3, "amid"), ("collect_large", 0, "amid")]


@pytest.mark.parametrize("kind,pe,when", ends())
def test_a_pe_that_is_killed_ends_all_with_a_text(jobs, rounds, kind, pe, when):
    pes = start_unlaunched(jobs.cluster, rounds, before=[kind, when, pe])
    victim = pes.pop(pe)
    assert victim.wait(30) == -9, victim.stderr()
    begun = time.monotonic()
    assert [process.wait(10) for process in pes] == [1, 1, 1], "\n".join(process.stderr() for process in pes)
    assert time.monotonic() - begun < 5 * slowness()
    for process in pes:
        assert f"PE {pe} is gone without shmem_finalize" in process.stderr(), process.stderr()
    for process in [victim, *pes]:
        process.release()  # all cases share the hosts, and a long run ends more than there may be descriptors
    sweep_after_a_kill(jobs.cluster.host_of(victim))  # no launcher is there to do it


# ---- links that are cut ----


def rounds_done(pe):
    pe.write_line("?")
    return int(pe.read_line())


def start_with_store(cluster, url, command, variables):
    """As a launcher does that is not ours: two PEs on each of two hosts, and a store that is there already."""
    numbers = ({"MF_RANK": str(pe), "MF_WORLD_SIZE": "4", "MF_STORE_URL": url} for pe in range(4))
    return [
        cluster.hosts[pe // 2].start(command, f"pe{pe}", {**own, **variables}) for pe, own in enumerate(numbers)
    ]


@pytest.mark.parametrize("way", short("cut", "down"))
@pytest.mark.parametrize("kind", KINDS if LONG else ["reduce_large", "barrier"])
def test_collectives_go_on_after_an_outage(own_jobs, rounds, kind, way):
    network = own_jobs.cluster.network
    pes = start_unlaunched(own_jobs.cluster, rounds, before=[kind, "asked", 0])
    wait_for(lambda: rounds_done(pes[0]) > 0, "the first round", 30)
    (network.cut if way == "cut" else network.take_down)(1)
    before = settle(lambda: rounds_done(pes[0]))
    stays_for(OUTAGE, lambda: rounds_done(pes[0]))
    (network.mend if way == "cut" else network.bring_up)(1)
    wait_for(lambda: rounds_done(pes[0]) > before + 1, "further rounds", 30)
    pes[0].write_line("end")
    for process in pes:
        assert process.wait(30) == 0, process.stderr()


@pytest.mark.parametrize("store", ["first PE", "apart"])
@pytest.mark.parametrize("kind", KINDS if LONG else ["broadcast"])
def test_a_link_cut_for_good_ends_all_with_a_text(own_jobs, rounds, kind, store):
    """Also those that only wait to be written to, and long before the store's own silence is noticed."""
    cluster = own_jobs.cluster
    brief = {"MF_FABRIC_PEER_TIMEOUT": "2s"}
    if store == "apart":
        keeper, url = cluster.hosts[0].actor(), cluster.new_url()
        keeper.call("create_store", url)
        pes = start_with_store(cluster, url, [rounds, kind, "asked"], brief)
    else:
        pes = start_unlaunched(cluster, rounds, before=[kind, "asked", 0], environment=brief)
    wait_for(lambda: rounds_done(pes[0]) > 0, "the first round", 30)
    cluster.network.cut(1)
    begun = time.monotonic()
    assert [process.wait(30) for process in pes] == [1, 1, 1, 1]
    assert time.monotonic() - begun < 10 * slowness()
    texts = [process.stderr() for process in pes]
    for pe, text in enumerate(texts):
        lost = re.search(rf"SHMEM PE {pe}: PE (\d) is gone without shmem_finalize.*; the job ends", text)
        assert lost and int(lost.group(1)) // 2 != pe // 2, text  # one of the other host
    if store == "apart":
        keeper.quit()
    for host in (0, 1):
        assert "MF_FABRIC_PEER_TIMEOUT" in texts[2 * host] + texts[2 * host + 1], texts

