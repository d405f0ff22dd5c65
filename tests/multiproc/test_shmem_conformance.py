# SPDX-License-Identifier: Apache-2.0
"""The programs of tests/shmem_programs, compiled by oshcc and oshc++ and run by oshrun with checking on."""
import json
import os
import pathlib
import subprocess
import tempfile

import pytest

from actors import REPORTS, sanitizer

PROGRAMS = pathlib.Path(__file__).resolve().parents[1] / "shmem_programs"
BUILD = pathlib.Path(os.environ.get("MEMFABRIC_BUILD_DIR", PROGRAMS.parents[1] / "build" / "release"))
LANGUAGES = {"c": ["oshcc"], "c11": ["oshcc", "-std=c11", "-DGENERIC"], "cxx": ["oshc++", "-x", "c++"]}
COMPILE_LIMIT = 100  # seconds
LIMIT = 60

pytestmark = pytest.mark.skipif(
    not (BUILD / "bin/oshrun").exists(), reason="this build has no OpenSHMEM"
)


def build(source, output, language, *more):
    wrapper, *flags = LANGUAGES[language]
    flags += more
    if sanitizer():
        flags.append(f"-fsanitize={sanitizer()}")
    command = [BUILD / "bin" / wrapper, "-O1", *flags, source, "-o", output]
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMPILE_LIMIT, check=False)
    assert done.returncode == 0, done.stderr


def run(harness, pes, program, *arguments, variables=None):
    """Waits for the end; returns the exit code, standard output and standard error."""
    command = [BUILD / "bin/oshrun", "-np", str(pes), program, *arguments]
    with tempfile.TemporaryDirectory(prefix="mf-") as folder:
        environment = harness.environment({"MF_SHMEM_CHECK": "1", "MF_RUNTIME_DIR": folder, **(variables or {})})
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=LIMIT,
                              env=environment, check=False)
        assert os.listdir(folder) == [], "a job leaves nothing in its folder, however it ends"
    assert not any(report in done.stderr for report in REPORTS), done.stderr
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("source", sorted(path.name for path in PROGRAMS.glob("conf_*.c")))
def test_conformance(harness, tmp_path, source, language):
    program = tmp_path / "program"
    build(PROGRAMS / source, program, language)
    # Without checks collectives take other, shorter ways.
    for pes, checks in ((2, "1"), (3, "1"), (4, "1"), (8, "1"), (3, "0"), (8, "0")):
        code, output, errors = run(harness, pes, program, variables={"MF_SHMEM_CHECK": checks})
        assert (code, output) == (0, "ok\n"), f"{pes} PEs, checks {checks}: {errors}"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("source", sorted(path.name for path in PROGRAMS.glob("situations_*.c")))
def test_situations_of_the_specification(harness, tmp_path, source, language):
    program = tmp_path / "program"
    build(PROGRAMS / source, program, language)
    names = subprocess.run([program], check=True, capture_output=True, text=True, timeout=LIMIT).stdout.split()
    assert len(names) >= 8
    for name in names:
        for pes, checks in ((2, "1"), (3, "0"), (4, "1"), (8, "0")):
            code, output, errors = run(harness, pes, program, name, variables={"MF_SHMEM_CHECK": checks})
            assert (code, output) == (0, "ok\n"), f"{name}, {pes} PEs, checks {checks}: {errors}"


BAD = [
    # arguments of bad_calls, what the text names
    ("pe", ["shmem_int_p", "PE 99", "outside 0 to 1"]),
    ("negative_pe", ["shmem_int_get", "PE -1"]),
    ("stack", ["shmem_int_put", "not symmetric"]),
    ("beyond", ["shmem_putmem", "not symmetric"]),
    ("never_allocated", ["shmem_putmem", "not in one block that is allocated"]),
    ("freed", ["shmem_putmem", "not in one block that is allocated"]),
    ("two_blocks", ["shmem_putmem", "not in one block that is allocated"]),
    ("free_twice", ["shmem_free", "freed already"]),
    ("free_middle", ["shmem_free", "behind the begin of the block"]),
    ("free_stack", ["shmem_free", "symmetric heap"]),
    ("alignment", ["shmem_align", "power of two"]),
    ("stride", ["shmem_int_iput", "stride 0"]),
    ("misaligned", ["shmem_int_atomic_add", "no address of an atomic object of 4 bytes"]),
    ("root", ["shmem_int_broadcast", "root 7"]),
    ("sizes", ["shmem_int_fcollect", "same size"]),
    ("too_many", ["shmem_longlong_fcollect", "elements of 8 bytes are more than there can be"]),
    ("too_many_to_put", ["shmem_put128_signal", "elements of 16 bytes are more than there can be"]),
    ("order", ["another collective call"]),
    ("destroyed_team", ["shmem_team_sync", "does not exist"]),
    ("destroyed_context", ["shmem_ctx_quiet", "does not exist"]),
    ("before_init", ["shmem_barrier_all", "shmem_init first"]),
    ("after_finalize", ["shmem_barrier_all", "is over"]),
    ("pe_before_init", ["shmem_my_pe", "shmem_init first"]),
    ("pes_after_finalize", ["shmem_n_pes", "is over"]),
    ("init_twice", ["shmem_init", "initialized already"]),
    ("active_set", ["shmem_barrier", "PE_size 9"]),
    ("private_context", ["shmem_ctx_quiet", "SHMEM_CTX_PRIVATE to thread ", "used by thread "]),
    ("serialized_context", ["shmem_ctx_putmem", "SHMEM_CTX_SERIALIZED, thread ", "is in shmem_ctx_putmem with it"]),
]


@pytest.fixture(scope="module")
def bad_calls(tmp_path_factory):
    program = tmp_path_factory.mktemp("bad") / "bad_calls"
    build(PROGRAMS / "bad_calls.c", program, "c")
    return program


@pytest.mark.parametrize("case,names", BAD, ids=[case for case, _ in BAD])
def test_bad_call_is_named(harness, bad_calls, case, names):
    code, output, errors = run(harness, 2, bad_calls, case)
    assert code == 1, errors
    assert "survived" not in output
    for name in ["SHMEM PE", *names]:
        assert name in errors


def test_heap_that_is_too_small_says_so(harness, bad_calls):
    code, output, errors = run(harness, 2, bad_calls, "too_big")
    assert (code, output) == (0, "ok\n"), errors
    assert "SHMEM_SYMMETRIC_SIZE" in errors and "99999999999" in errors


def skip_where_addresses_are_few():
    if sanitizer() == "thread":
        pytest.skip("ThreadSanitizer leaves 64 GiB of addresses")


def test_more_memory_than_there_is_gives_null(harness, bad_calls):
    skip_where_addresses_are_few()
    variables = {"SHMEM_SYMMETRIC_SIZE": "1100G"}
    code, output, errors = run(harness, 2, bad_calls, "too_much", variables=variables)
    assert (code, output) == (0, "ok\n"), errors
    assert "1099511627776 bytes of memory are wanted" in errors


@pytest.mark.parametrize("pes,size", [(3, "512M"), (64, "512M"), (64, "8G")])
def test_a_heap_takes_no_memory_before_it_is_used(harness, tmp_path, pes, size):
    """64 heaps of 8 GiB are more than most machines have."""
    if size == "8G":
        skip_where_addresses_are_few()
    program = tmp_path / "program"
    build(PROGRAMS / "small_part.c", program, "c")
    code, output, errors = run(harness, pes, program, variables={"SHMEM_SYMMETRIC_SIZE": size})
    assert (code, output) == (0, "ok\n"), errors


@pytest.fixture(scope="module")
def tight_heap(tmp_path_factory):
    program = tmp_path_factory.mktemp("tight") / "tight_heap"
    build(PROGRAMS / "tight_heap.c", program, "c")
    return program


@pytest.mark.parametrize("pes", [1, 2, 4])
def test_blocks_of_a_heap_that_is_nearly_full_change_their_size(harness, tight_heap, pes):
    code, output, errors = run(harness, pes, tight_heap, "resize", variables={"SHMEM_SYMMETRIC_SIZE": "8M"})
    assert (code, output) == (0, "ok\n"), errors


# PE 1 sees other facts of its machine.
WITH_LITTLE_MEMORY = """
if [ "$MF_RANK" = 1 ]; then
    exec unshare -rm sh -c '[ ! -e "$0/meminfo" ] || mount --bind "$0/meminfo" /proc/meminfo || exit 90
[ ! -e "$0/cgroup" ] || { mount --bind "$0/groups" /sys/fs/cgroup && mount --bind "$0/cgroup" /proc/$$/cgroup; } || exit 91
exec "$@"' "$FACTS" "$@"
fi
exec "$@"
"""
LITTLE = 110 << 20  # 46 MiB beside what is left to the machine


def write_machine(folder):
    (folder / "meminfo").write_text(f"MemAvailable:     {LITTLE >> 10} kB\n")


def write_group(folder, root, line, limit, used):
    """The group has enough; the one above it has not."""
    (folder / "cgroup").write_text(f"7:cpu:/other\n{line}:/above/own\n")
    own = folder / "groups" / root / "above/own"
    own.mkdir(parents=True)
    for group, most in ((own, 100 << 30), (own.parent, LITTLE + (5 << 20))):
        (group / limit).write_text(f"{most}\n")
        (group / used).write_text(f"{6 << 20}\n")
        (group / "memory.stat").write_text(f"anon 5\ninactive_file {1 << 20}\n")


SCARCE = {
    "machine": write_machine,
    "group": lambda folder: write_group(folder, ".", "0:", "memory.max", "memory.current"),
    "old group": lambda folder: write_group(folder, "memory", "4:memory", "memory.limit_in_bytes", "memory.usage_in_bytes"),
}


@pytest.mark.parametrize("scarce", SCARCE)
def test_memory_that_one_pe_cannot_get_is_given_back_by_all(harness, tight_heap, tmp_path, scarce):
    probe = ["unshare", "-rm", "mount", "--bind", "/dev/null", "/proc/meminfo"]
    if subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("no namespace in which /proc/meminfo could be another one")
    SCARCE[scarce](tmp_path)
    code, output, errors = run(harness, 4, "sh", "-c", WITH_LITTLE_MEMORY, "sh", tight_heap, "scarce",
                               variables={"FACTS": str(tmp_path)})
    assert (code, output) == (0, "ok\n"), errors
    assert "SHMEM PE 1: shmem_malloc: " in errors and "67108864 bytes of memory are wanted" in errors


@pytest.mark.parametrize(
    "size,names",
    [
        ("lots", ["SHMEM_SYMMETRIC_SIZE=lots", "512M"]),
        ("0", ["SHMEM_SYMMETRIC_SIZE=0"]),
        ("-5M", ["SHMEM_SYMMETRIC_SIZE=-5M"]),
        ("nan", ["SHMEM_SYMMETRIC_SIZE=nan"]),
        ("12Q", ["SHMEM_SYMMETRIC_SIZE=12Q"]),
        ("100T", ["SHMEM_SYMMETRIC_SIZE", "MF_MAX_REGION_SIZE"]),
        ("1e30", ["SHMEM_SYMMETRIC_SIZE", "MF_MAX_REGION_SIZE"]),
    ],
)
def test_a_heap_size_that_cannot_be_is_named(harness, bad_calls, size, names):
    code, output, errors = run(harness, 2, bad_calls, "", variables={"SHMEM_SYMMETRIC_SIZE": size})
    assert code != 0
    assert "survived" not in output
    for name in names:
        assert name in errors


def test_heaps_that_the_arena_has_no_room_for_say_so(harness, bad_calls):
    variables = {"SHMEM_SYMMETRIC_SIZE": "40G", "MF_ARENA_SIZE": "64G"}
    code, output, errors = run(harness, 2, bad_calls, "hello", variables=variables)
    assert (code, output) == (1, "")
    for name in ("MF_ARENA_SIZE", "SHMEM_SYMMETRIC_SIZE", "68719476736", "42949672960", "SHMEM PE "):
        assert name in errors
    assert "SHMEM PE -1" not in errors


def test_variables_that_make_the_library_talk(harness, bad_calls):
    variables = {"SHMEM_VERSION": "", "SHMEM_INFO": "1", "SHMEM_DEBUG": "1", "SHMEM_SYMMETRIC_SIZE": "1.5M"}
    code, output, errors = run(harness, 2, bad_calls, "hello", variables=variables)
    assert code == 0, errors
    assert output.count("MemFabric SHMEM 1.") == 1 and "OpenSHMEM 1.5" in output
    for name in ("SHMEM_VERSION", "SHMEM_INFO", "SHMEM_DEBUG", "MF_SHMEM_CHECK"):
        assert output.count(f"  {name} ") == 1
    assert output.count("set to 1.5M") == 1
    assert "PE 0 of 2: heap" in errors and "PE 1 of 2: heap" in errors


@pytest.mark.parametrize(
    "variable,text", [("SMA_VERSION", "OpenSHMEM 1.5"), ("SMA_INFO", "SHMEM_SYMMETRIC_SIZE"), ("SMA_DEBUG", "PE 0 of 1: heap")]
)
def test_older_names_of_variables(harness, bad_calls, variable, text):
    code, output, errors = run(harness, 1, bad_calls, "hello", variables={variable: ""})
    assert code == 0 and text in output + errors
    code, output, errors = run(harness, 1, bad_calls, "hello")
    assert code == 0 and text not in output + errors


@pytest.mark.parametrize("pe", [0, 1, 2])
@pytest.mark.parametrize("case", ["exit", "exit_in_thread"])
def test_global_exit_ends_all_with_its_code(harness, bad_calls, case, pe):
    code, output, _ = run(harness, 3, bad_calls, case, str(pe))
    assert code == 42
    assert "survived" not in output


@pytest.mark.skipif(sanitizer() == "address", reason="AddressSanitizer itself ends a process that has no memory")
def test_static_data_outlive_an_end_without_memory(harness, tmp_path):
    program = tmp_path / "short_at_end"
    build(PROGRAMS / "short_at_end.c", program, "c")
    code, output, errors = run(harness, 2, program, "back")
    assert (code, output) == (0, "") and errors.count("kept") == 2, errors
    code, output, errors = run(harness, 1, program, "never")
    assert (code, output) == (1, ""), errors
    assert "shmem_finalize: for 10 s there was no memory for the" in errors, errors


def test_global_exit_without_a_launcher_does_all_that_an_exit_does(harness, bad_calls, tmp_path):
    """A PE hears its own call for the exit too, on a thread that would end the process before this is done."""
    dump = tmp_path / "counters"
    environment = harness.environment({"MF_RUNTIME_DIR": str(tmp_path / "run"), "MF_COUNTERS_DUMP": str(dump)})
    for _ in range(10):
        done = subprocess.run([bad_calls, "exit", "0"], capture_output=True, timeout=LIMIT, env=environment, check=False)
        assert done.returncode == 42
        assert os.listdir(tmp_path / "run") == []
        assert json.loads(dump.read_text(encoding="utf-8"))
        dump.unlink()


def test_a_pe_that_is_killed_ends_the_job_and_leaves_nothing(harness, bad_calls):
    code, output, errors = run(harness, 3, bad_calls, "killed", "1")
    assert code == 128 + 9 and "killed by signal 9" in errors
    assert "survived" not in output


@pytest.mark.parametrize("pe", [0, 1, 2])
def test_a_pe_that_goes_without_finalize_ends_the_job(harness, bad_calls, pe):
    """By _exit(0), of which the launcher thinks no harm."""
    code, output, errors = run(harness, 3, bad_calls, "gone", str(pe))
    assert code == 1, errors
    assert f"PE {pe} is gone without shmem_finalize" in errors
    assert "survived" not in output


def test_exit_with_another_code_without_finalize_ends_the_job_with_it(harness, bad_calls):
    code, output, errors = run(harness, 3, bad_calls, "exits", "1")
    assert code == 7 and "rank 1 exited with code 7" in errors
    assert "survived" not in output


@pytest.mark.parametrize("case", ["fork", "popen", "system"])
def test_children_have_static_data_of_their_own(harness, bad_calls, case):
    code, output, errors = run(harness, 2, bad_calls, case)
    assert (code, output) == (0, "ok\n"), errors


def test_a_single_pe_needs_no_launcher(harness, bad_calls):
    with tempfile.TemporaryDirectory(prefix="mf-") as folder:
        done = subprocess.run([bad_calls, "hello"], env=harness.environment({"MF_RUNTIME_DIR": folder}), capture_output=True,
                              text=True, timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout) == (0, "ok\n"), done.stderr


def test_return_from_main_without_finalize_ends(harness, bad_calls):
    code, output, errors = run(harness, 2, bad_calls, "no_finalize")
    assert code == 0, errors
    assert "survived" not in output
