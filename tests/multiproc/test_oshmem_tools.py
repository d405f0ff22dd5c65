# SPDX-License-Identifier: Apache-2.0
"""oshcc, oshc++ and oshrun: switches and exit codes."""
import os
import signal
import subprocess
import time

import pytest

from actors import sanitizer
from test_shmem_conformance import BUILD, LIMIT, PROGRAMS, build, pytestmark, run

assert pytestmark  # here, too: this build may have no OpenSHMEM


@pytest.fixture(scope="module")
def ends(tmp_path_factory):
    program = tmp_path_factory.mktemp("ends") / "ends"
    build(PROGRAMS / "ends.c", program, "c")
    return program


def tool(*words, environment=None):
    return subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=LIMIT, check=False,
                          env={**os.environ, **(environment or {})})


@pytest.mark.parametrize("way", ["return", "exit", "global"])
@pytest.mark.parametrize("code", [1, 3, 77, 255])
def test_oshrun_ends_with_the_code_of_the_pe_that_failed(harness, ends, way, code):
    found, _, errors = run(harness, 3, ends, way, code)
    assert found == code, errors


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL, signal.SIGABRT])
def test_oshrun_ends_with_128_and_the_signal(harness, ends, number):
    found, _, errors = run(harness, 3, ends, "signal", int(number))
    assert found == 128 + number
    assert "rank 1" in errors


def test_oshrun_ends_with_0_where_all_do(harness, ends):
    assert run(harness, 4, ends) == (0, "", "")
    assert run(harness, 1, ends)[0] == 0


def test_a_single_pe_needs_no_launcher(harness, ends):
    done = subprocess.run([ends, "print", "NOBODY_SETS_THIS"], env=harness.environment({}), capture_output=True, text=True,
                          timeout=LIMIT, check=False)
    assert (done.returncode, done.stdout) == (0, "0 nothing\n"), done.stderr


def test_variables_go_along(harness, ends):
    done = tool(BUILD / "bin/oshrun", "-n", 2, "-x", "MADE_HERE=some words", "-x", "HOME", ends, "print", "MADE_HERE",
                environment=harness.environment({}))
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == ["0 some words", "1 some words"]


@pytest.mark.parametrize(
    "words,text",
    [
        ([], "usage: oshrun"),
        (["-np"], "usage: oshrun"),
        (["-np", "two", "true"], "'two' is no number"),
        (["-np", "2"], "usage: oshrun"),
        (["--wrong", "true"], "--wrong is unknown"),
        (["-np", "0", "true"], ""),
        (["-np", "5000", "true"], ""),
    ],
)
def test_wrong_words_are_named(words, text):
    done = tool(BUILD / "bin/oshrun", *words)
    assert done.returncode != 0
    assert text in done.stderr and done.stderr


def test_a_program_that_is_not_there_is_named():
    done = tool(BUILD / "bin/oshrun", "-np", 2, "./no_such_program")
    assert done.returncode != 0
    assert "no_such_program" in done.stderr


def test_interrupting_oshrun_ends_all_pes(harness, ends):
    """They wait in a barrier that PE 1 never comes to, since it stops itself."""
    command = [str(BUILD / "bin/oshrun"), "-np", "3", str(ends), "signal", str(int(signal.SIGSTOP))]
    job = subprocess.Popen(command, env=harness.environment({}), stderr=subprocess.PIPE, text=True)
    pes = []
    deadline = time.monotonic() + LIMIT
    while len(pes) < 3:
        assert time.monotonic() < deadline
        listing = subprocess.run(["pgrep", "-f", f"^{ends} signal"], capture_output=True, text=True, check=False).stdout
        pes = [int(pid) for pid in listing.split()]
    job.send_signal(signal.SIGINT)
    job.communicate(timeout=LIMIT)
    assert job.returncode == 128 + signal.SIGINT
    assert not [pid for pid in pes if os.path.exists(f"/proc/{pid}")]


@pytest.mark.parametrize("wrapper,compiler", [("oshcc", "cc"), ("oshc++", "c++")])
def test_wrappers_show_their_command(wrapper, compiler):
    for switch in ("-show", "--showme"):
        done = tool(BUILD / "bin" / wrapper, switch, "program.c", "-o", "program")
        assert done.returncode == 0
        words = done.stdout.split()
        assert words[0] == compiler and words[-1] == "-lmf_shmem"
        assert words[2:5] == ["program.c", "-o", "program"]
        assert any(word.startswith("-I") for word in words)
    only = tool(BUILD / "bin" / wrapper, "-show", "-c", "program.c").stdout
    assert "-lmf_shmem" not in only


@pytest.mark.skipif(bool(sanitizer()), reason="the other compiler's runtime is not this one's")
@pytest.mark.parametrize("wrapper,variable,other", [("oshcc", "OSHCC_COMPILER", "clang"),
                                                    ("oshc++", "OSHCXX_COMPILER", "clang++")])
def test_another_compiler_can_be_chosen(harness, tmp_path, wrapper, variable, other):
    program = tmp_path / "program"
    language = ["-x", "c++"] if wrapper == "oshc++" else []
    done = tool(BUILD / "bin" / wrapper, *language, PROGRAMS / "small_part.c", "-o", program, environment={variable: other})
    assert done.returncode == 0, done.stderr
    assert run(harness, 2, program)[:2] == (0, "ok\n")


def test_a_compilers_failure_is_the_wrappers(tmp_path):
    source = tmp_path / "broken.c"
    source.write_text("int main(void) { return shmem_no_such_function(); }\n", encoding="utf-8")
    done = tool(BUILD / "bin/oshcc", "-Werror", source, "-o", tmp_path / "broken")
    assert done.returncode != 0
    assert "shmem_no_such_function" in done.stderr
