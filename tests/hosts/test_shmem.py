# SPDX-License-Identifier: Apache-2.0
"""OpenSHMEM with PEs on several hosts: the conformance programs, who has pointers to whom, wrong calls, the
ends of jobs."""
import itertools
import subprocess

import pytest

from shmem_job import PLACES, jobs_on, start_unlaunched
from suites import LONG, sweep_after_a_kill
from test_shmem_conformance import LANGUAGES, LIMIT, PROGRAMS, build

TWO = ["2x2", "3+1", "in turn", "1+2+1"]
FOUR = ["4x1", "4 uneven"]
ROUNDS = {"conf_order.c": ["200"], "conf_lock.c": ["40"]}  # of programs that send many messages


@pytest.fixture(scope="module")
def jobs(tmp_path_factory):
    with jobs_on(4 if LONG else 2, tmp_path_factory.mktemp("hosts")) as made:
        yield made


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Each is compiled once: program(source, language)."""
    folder = tmp_path_factory.mktemp("programs")
    made = {}

    def compiled(source, language="c"):
        if (source, language) not in made:
            made[source, language] = folder / f"{source}.{language}"
            build(PROGRAMS / source, made[source, language], language)
        return made[source, language]

    return compiled


def conformance():
    """Everything in a long run; else each program once, at the places in turn."""
    sources = sorted(path.name for path in PROGRAMS.glob("conf_*.c"))
    if LONG:
        return list(itertools.product(sources, LANGUAGES, TWO + FOUR, "01"))
    return [
        (source, "c", place, check) for source, place, check in zip(sources, itertools.cycle(TWO[:3]), itertools.cycle("01"))
    ]


@pytest.mark.parametrize("source,language,place,checks", conformance())
def test_conformance(jobs, program, source, language, place, checks):
    done = jobs.run(
        place, program(source, language), *ROUNDS.get(source, []), variables={"MF_SHMEM_CHECK": checks}
    )
    assert done[:2] == (0, "ok\n"), done[2]


def situations():
    sources = sorted(path.name for path in PROGRAMS.glob("situations_*.c"))
    places = TWO + FOUR if LONG else ["2x2"]
    return list(itertools.product(sources if LONG else ["situations_sync.c"], places))


@pytest.mark.parametrize("source,place", situations())
@pytest.mark.time_limit(600)
def test_situations_of_the_specification(jobs, program, source, place):
    started = program(source)
    names = subprocess.run([started], check=True, capture_output=True, text=True, timeout=LIMIT).stdout.split()
    assert len(names) >= 8
    for name, checks in zip(names, itertools.cycle("01")):
        done = jobs.run(place, started, name, variables={"MF_SHMEM_CHECK": checks})
        assert done[:2] == (0, "ok\n"), f"{name}, checks {checks}: {done[2]}"


@pytest.mark.parametrize("place", TWO + FOUR if LONG else TWO)
def test_pointers_reach_the_own_host_alone(jobs, program, place):
    host_of = [host for host, pes in PLACES[place] for _ in range(pes)]
    rows = ["".join(str(int(a == b)) for b in host_of) for a in host_of]
    code, output, errors = jobs.run(place, program("places.c"))
    assert (code, output.split()) == (0, [*rows, "ok"]), errors


@pytest.mark.parametrize(
    "case,names",
    [
        ("pe", ["shmem_int_p", "PE 99", "outside 0 to 3"]),
        ("far_stack", ["shmem_int_put", "not symmetric"]),
        ("far_freed", ["shmem_putmem", "not in one block that is allocated"]),
        ("far_beyond", ["shmem_putmem", "not symmetric"]),
        ("far_misaligned", ["shmem_int_atomic_add", "no address of an atomic object of 4 bytes"]),
    ],
)
def test_bad_call_is_named(jobs, program, case, names):
    code, output, errors = jobs.run("2x2", program("bad_calls.c"), case, variables={"MF_SHMEM_CHECK": "1"})
    assert code == 1 and "survived" not in output, errors
    for name in ["SHMEM PE", *names]:
        assert name in errors


@pytest.mark.parametrize("pe", [0, 3])
def test_global_exit_ends_all_with_its_code(jobs, program, pe):
    code, output, errors = jobs.run("2x2", program("bad_calls.c"), "exit", pe)
    assert code == 42 and "survived" not in output, errors


@pytest.mark.parametrize("case", ["killed", "killed_under_puts"])
@pytest.mark.parametrize("pe", [0, 3])
def test_a_pe_that_is_killed_ends_the_job(jobs, program, case, pe):
    code, output, errors = jobs.run("2x2", program("bad_calls.c"), case, pe)
    assert code == 128 + 9 and "killed by signal 9" in errors, errors
    assert "survived" not in output


@pytest.mark.parametrize("case", ["gone", "gone_under_puts"])
@pytest.mark.parametrize("pe", [0, 3])
def test_a_pe_that_goes_without_finalize_ends_the_job(jobs, program, case, pe):
    """By _exit(0), of which the launchers think no harm."""
    code, output, errors = jobs.run("2x2", program("bad_calls.c"), case, pe)
    assert code == 1, errors
    assert f"PE {pe} is gone without shmem_finalize" in errors
    assert "survived" not in output


@pytest.mark.parametrize("case", ["fork", "no_finalize"])
def test_children_and_ends_of_programs(jobs, program, case):
    code, output, errors = jobs.run("2x2", program("bad_calls.c"), case)
    assert code == 0 and "survived" not in output, errors


def test_pes_without_a_launcher(jobs, program):
    for process in start_unlaunched(jobs.cluster, program("unlaunched.c")):
        assert process.wait(30) == 0, process.stderr()


def test_first_pe_that_goes_with_the_store_ends_the_job(jobs, program):
    pes = start_unlaunched(jobs.cluster, program("unlaunched.c"), "gone")
    assert [process.wait(30) for process in pes] == [0, 1, 1, 1]
    for process in pes[1:]:
        assert "PE 0 is gone without shmem_finalize" in process.stderr()
    sweep_after_a_kill(jobs.cluster.hosts[0])  # no launcher is there to do it
