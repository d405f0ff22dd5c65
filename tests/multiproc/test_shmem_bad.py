# SPDX-License-Identifier: Apache-2.0
"""OpenSHMEM calls at a wrong moment, by a wrong thread, with wrong arguments: each ends the job with code 1 and a text."""
import subprocess

import pytest

from test_shmem_conformance import LIMIT, PROGRAMS, build, pytestmark, run

assert pytestmark  # here, too: this build may have no OpenSHMEM

SINGLE, FUNNELED, SERIALIZED, MULTIPLE = range(4)


def compiled(name):
    @pytest.fixture(scope="module", name=name)
    def fixture(tmp_path_factory):
        program = tmp_path_factory.mktemp(name) / name
        build(PROGRAMS / f"{name}.c", program, "c")
        return program

    return fixture


bad_moments = compiled("bad_moments")
bad_threads = compiled("bad_threads")
bad_arguments = compiled("bad_arguments")


def names_in(program):
    return subprocess.run([program], check=True, capture_output=True, text=True, timeout=LIMIT).stdout.split()


@pytest.mark.parametrize("checks", ["0", "1"])
@pytest.mark.parametrize("when,text", [("before", "call shmem_init first"), ("after", "is over in this process")])
def test_calls_before_init_and_after_finalize(harness, bad_moments, when, text, checks):
    names = names_in(bad_moments)
    assert len(names) > 40
    for name in [*names, "finalize", "global_exit"]:
        code, output, errors = run(harness, 1, bad_moments, when, name, variables={"MF_SHMEM_CHECK": checks})
        assert (code, output) == (1, ""), f"{name}: {errors}"
        assert text in errors and "SHMEM PE 0: shmem_" in errors, name


def test_the_same_calls_between_them(harness, bad_moments):
    for name in names_in(bad_moments):
        code, output, errors = run(harness, 2, bad_moments, "between", name)
        assert (code, output) == (0, "ok\n"), f"{name}: {errors}"


@pytest.mark.parametrize("name", ["init", "init_thread"])
def test_init_again_after_finalize(harness, bad_moments, name):
    code, output, errors = run(harness, 1, bad_moments, "after", name)
    assert (code, output) == (1, ""), errors
    assert f"shmem_{name}: SHMEM is over in this process and cannot begin anew" in errors


@pytest.mark.parametrize("level,level_name", [(SINGLE, "SHMEM_THREAD_SINGLE"), (FUNNELED, "SHMEM_THREAD_FUNNELED")])
@pytest.mark.parametrize("case,call", [("p", "shmem_int_p"), ("putmem", "shmem_putmem"), ("atomic", "shmem_int_atomic_add"),
                                       ("my_pe", "shmem_my_pe"), ("fence", "shmem_fence")])  # fmt: skip
def test_a_second_thread_that_may_not_call(harness, bad_threads, case, call, level, level_name):
    code, output, errors = run(harness, 2, bad_threads, str(level), case)
    assert (code, output) == (1, ""), errors
    assert f": {call}: thread " in errors and f"initialized with {level_name} by thread " in errors


@pytest.mark.parametrize("case,call", [("wait", "shmem_int_wait_until"), ("two_puts", "shmem_putmem")])
def test_two_threads_at_once_where_one_at_a_time_may_call(harness, bad_threads, case, call):
    code, output, errors = run(harness, 2, bad_threads, str(SERIALIZED), case)
    assert (code, output) == (1, ""), errors
    assert f" is in {call}; " in errors and "SHMEM_THREAD_SERIALIZED, one thread at a time" in errors


@pytest.mark.parametrize("level", [SERIALIZED, MULTIPLE])
@pytest.mark.parametrize("case", ["p", "putmem", "atomic", "my_pe", "fence", "turns"])
def test_threads_that_may_call(harness, bad_threads, case, level):
    code, output, errors = run(harness, 2, bad_threads, str(level), case)
    assert (code, output) == (0, "survived\nsurvived\n"), errors


@pytest.mark.parametrize("level", [SINGLE, FUNNELED, SERIALIZED, MULTIPLE])
def test_the_end_comes_from_any_thread(harness, bad_threads, level):
    assert run(harness, 2, bad_threads, str(level), "global_exit")[:2] == (42, "")
    assert run(harness, 2, bad_threads, str(level), "exit")[:2] == (0, "")


def test_an_unknown_thread_level_is_named(harness, bad_threads):
    code, _, errors = run(harness, 1, bad_threads, "4", "p")
    assert code == 1 and "shmem_init_thread: thread level 4 is unknown" in errors


BAD = [
    # case of bad_arguments, what the text names
    ("pe_of_get", ["shmem_getmem", "PE 2 is outside 0 to 1"]),
    ("pe_of_atomic", ["shmem_long_atomic_fetch_add", "PE 2"]),
    ("pe_of_signal", ["shmem_putmem_signal", "PE -1"]),
    ("pe_of_strided", ["shmem_int_iget", "PE 2"]),
    ("pe_of_context", ["shmem_ctx_int_p", "PE 1 is outside 0 to 0 of the context's team"]),
    ("stack_atomic", ["shmem_long_atomic_inc", "not symmetric"]),
    ("stack_signal", ["shmem_putmem_signal", "not symmetric"]),
    ("stack_signal_data", ["shmem_putmem_signal", "not symmetric"]),
    ("stack_wait", ["shmem_int_wait_until", "not symmetric"]),
    ("stack_lock", ["shmem_set_lock", "not symmetric"]),
    ("stack_get", ["shmem_getmem", "not symmetric"]),
    ("stack_collective", ["shmem_int_fcollect", "not symmetric"]),
    ("stack_psync", ["shmem_barrier", "not symmetric"]),
    ("null_put", ["shmem_putmem", "not symmetric"]),
    ("too_many", ["shmem_long_put", "more than there can be"]),
    ("too_many_signal", ["shmem_long_put_signal", "more than there can be"]),
    ("too_many_collective", ["shmem_long_broadcast", "more than there can be"]),
    ("realloc_middle", ["shmem_realloc", "behind the begin of the block"]),
    ("realloc_freed", ["shmem_realloc", "freed already"]),
    ("alignment_zero", ["shmem_align", "power of two"]),
    ("malloc_sizes", ["shmem_malloc", "the same at all PEs"]),
    ("malloc_or_free", ["another collective call"]),
    ("barrier_or_sync", ["another collective call"]),
    ("team_sync_or_fcollect", ["another collective call"]),
    ("roots", ["shmem_int_broadcast", "another root"]),
    ("reductions", ["another collective call"]),
    ("destroy_team_twice", ["shmem_team_destroy", "does not exist"]),
    ("destroyed_team_splits", ["shmem_team_split_strided", "does not exist"]),
    ("context_of_destroyed_team", ["shmem_ctx_int_p", "the team of context", "was destroyed"]),
    ("destroy_world", ["shmem_team_destroy", "SHMEM_TEAM_WORLD"]),
    ("invalid_team", ["shmem_int_fcollect", "SHMEM_TEAM_INVALID"]),
    ("invalid_context", ["shmem_ctx_int_p", "does not exist"]),
    ("destroy_context_twice", ["shmem_ctx_destroy", "does not exist"]),
    ("destroy_default_context", ["shmem_ctx_destroy", "default context"]),
    ("context_options", ["options 0x1000 are unknown"]),
    ("comparison", ["shmem_int_wait_until", "comparison 99"]),
    ("signal_operation", ["shmem_putmem_signal", "signal operation 99"]),
    ("clear_free_lock", ["shmem_clear_lock", "is not set"]),
]


@pytest.mark.parametrize("case,names", BAD, ids=[case for case, _ in BAD])
def test_bad_argument_is_named(harness, bad_arguments, case, names):
    code, output, errors = run(harness, 2, bad_arguments, case)
    assert (code, output) == (1, ""), errors
    for name in ["SHMEM PE", *names]:
        assert name in errors


def test_every_bad_argument_of_the_program_is_tested(bad_arguments):
    assert names_in(bad_arguments) == [case for case, _ in BAD]
