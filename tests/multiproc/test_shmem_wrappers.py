# SPDX-License-Identifier: Apache-2.0
"""oshcc, oshc++ and oshrun: their switches and exit codes."""
import os
import shlex
import signal
import subprocess
import sys

import pytest

from test_shmem_conformance import BUILD, LIMIT, PROGRAMS, build, pytestmark

assert pytestmark  # here, too: this build may have no OpenSHMEM

LIST_OF_RANKS = "import os; os.write(1, b'%s %s\\n' % (os.environb[b'MF_RANK'], os.environb[b'MF_WORLD_SIZE']))"


def call(name, *arguments, **options):
    command = [BUILD / "bin" / name, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, check=False, **options)


def oshrun(harness, *arguments, **variables):
    return call("oshrun", *arguments, env=harness.environment(variables))


def test_the_printed_command_compiles(tmp_path):
    source = tmp_path / "it's a program.c"
    source.write_text("#include <shmem.h>\nint main(void) { shmem_init(); shmem_finalize(); }\n", encoding="utf-8")
    program = tmp_path / "program"
    for show in ("-show", "--showme"):
        shown = call("oshcc", show, "-DTEXT=\"a b\"", source, "-o", program)
        assert shown.returncode == 0 and not program.exists()
        command = shlex.split(shown.stdout)
        assert command[0] == "cc" and "-DTEXT=\"a b\"" in command and "-lmf_shmem" in command
    subprocess.run(command, check=True, timeout=LIMIT)
    assert program.exists()


@pytest.mark.parametrize("wrapper,compiler", [("oshcc", "cc"), ("oshc++", "c++")])
def test_what_the_wrapper_adds_is_shown(wrapper, compiler):
    include = call(wrapper, "--showme:incdirs").stdout.strip()
    library = call(wrapper, "--showme:libdirs").stdout.strip()
    assert os.path.exists(f"{include}/shmem.h") and os.path.exists(f"{library}/libmf_shmem.so")
    assert call(wrapper, "--showme:compile").stdout == f"-I{include}\n"
    link = call(wrapper, "--showme:link").stdout.split()
    assert link[0] == f"-L{library}" and link[-1] == "-lmf_shmem"
    assert call(wrapper, "--showme:libs").stdout == "mf_shmem\n"
    assert call(wrapper, "--showme:command").stdout == f"{compiler}\n"
    assert call(wrapper, "-show").stdout.split() == [compiler, f"-I{include}", *link]
    version = call(wrapper, "--showme:version").stdout
    assert version.startswith(f"{wrapper}: MemFabric 1.") and "OpenSHMEM 1.5" in version
    assert "OSHC" in call(wrapper, "--showme:help").stdout


def test_a_part_that_the_wrapper_does_not_know_is_named():
    done = call("oshcc", "--showme:colour")
    assert done.returncode == 1 and done.stdout == ""
    assert "--showme:colour is unknown" in done.stderr and "incdirs" in done.stderr


@pytest.mark.parametrize("wrapper", ["oshcc", "oshc++"])
@pytest.mark.parametrize("switch", ["-v", "--version", "-dumpmachine"])
def test_the_compiler_speaks_of_itself(wrapper, switch):
    compiler = call(wrapper, "--showme:command").stdout.strip()
    done = call(wrapper, switch)
    expected = subprocess.run([compiler, switch], capture_output=True, text=True, check=True, timeout=LIMIT)
    assert (done.returncode, done.stdout) == (0, expected.stdout), done.stderr


def test_another_compiler_of_several_words():
    shown = call("oshcc", "-show", "-c", "a.c", env={**os.environ, "OSHCC_COMPILER": "ccache gcc-12 -m64"})
    assert shown.stdout.split()[:3] == ["ccache", "gcc-12", "-m64"] and "-lmf_shmem" not in shown.stdout


def test_a_program_that_does_not_compile_gives_the_compilers_code(tmp_path):
    source = tmp_path / "bad.c"
    source.write_text("#include <shmem.h>\n#error wanted\n", encoding="utf-8")
    done = call("oshcc", "-c", source, "-o", tmp_path / "bad.o")
    assert done.returncode == 1 and "wanted" in done.stderr


OF_OTHERS = ["--allow-run-as-root", "--oversubscribe", "--mca", "btl", "^uct"]


@pytest.mark.parametrize("switch", [["-np", "3"], ["-n", "3"], ["--np", "3"], ["-c", "3"], ["--np=3"], ["-n=3"],
                                    [*OF_OTHERS, "-np", "3", "--"]])
def test_the_number_of_pes(harness, switch):
    done = oshrun(harness, *switch, sys.executable, "-c", LIST_OF_RANKS)
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.split("\n")) == ["", "0 3", "1 3", "2 3"]


@pytest.mark.parametrize(
    "switch,value",
    [
        (["-x", "COLOUR=a b=c"], "a b=c"),
        (["--env", "COLOUR=red"], "red"),
        (["--env=COLOUR="], ""),
        (["-env", "COLOUR", "red"], "red"),
        (["-genv", "COLOUR", "a b"], "a b"),
        (["-x", "COLOUR"], "of oshrun"),
        (["-x", "A=1", "-x", "COLOUR=red", "-x", "B=2"], "red"),
    ],
)  # fmt: skip
def test_variables_for_the_pes(harness, switch, value):
    done = oshrun(harness, *switch, "-np", 2, "sh", "-c", 'echo "<$COLOUR>"', COLOUR="of oshrun")
    assert (done.returncode, done.stdout) == (0, f"<{value}>\n" * 2), done.stderr


def test_where_pes_start_and_whose_lines_they_are(harness, tmp_path):
    done = oshrun(harness, "-wdir", tmp_path, "-l", "-np", 2, "pwd")
    assert done.returncode == 0, done.stderr
    assert sorted(done.stdout.splitlines()) == [f"[0] {tmp_path}", f"[1] {tmp_path}"]
    assert oshrun(harness, "--chdir", tmp_path / "none", "-np", 2, "pwd").returncode == 2


@pytest.mark.parametrize("switch", ["-V", "--version", "-version"])
def test_version(harness, switch):
    done = oshrun(harness, switch)
    assert done.returncode == 0 and done.stdout.startswith("oshrun: MemFabric 1.") and "OpenSHMEM 1.5" in done.stdout


def test_verbose_shows_version_and_command(harness):
    done = oshrun(harness, "-v", "-np", 2, "echo", "hello")
    assert (done.returncode, done.stdout) == (0, "hello\n" * 2)
    assert "MemFabric 1." in done.stderr and "run -n 2 --no-prefix -- echo hello" in done.stderr
    assert oshrun(harness, "-v").returncode == 0


def test_help_lists_every_option(harness):
    done = oshrun(harness, "--help")
    assert done.returncode == 0
    for name in ("-np N", "-x NAME", "-wdir", "--tag-output", "--verbose", "--version", "127", "shmem_global_exit"):
        assert name in done.stdout


@pytest.mark.parametrize(
    "arguments,text",
    [
        (["-np", "2"], "no program"),
        (["true"], "number of PEs is not given"),
        (["-np"], "-np wants 1 more"),
        (["-np", "0", "true"], "-np 0"),
        (["-np", "-3", "true"], "-np -3"),
        (["-np", "two", "true"], "-np two"),
        (["-np", "1025", "true"], "from 1 to 1024"),
        (["-np", "99999999999999999999", "true"], "from 1 to 1024"),
        (["-np", "2", "-x", "1A=2", "true"], "'1A' is no name"),
        (["-np", "2", "-x", "=2", "true"], "'' is no name"),
        (["-np", "2", "-env", "A"], "-env wants 2 more"),
        (["-np", "2", "--colour", "true"], "--colour is unknown"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_named(harness, arguments, text):
    done = oshrun(harness, *arguments)
    assert done.returncode == 2 and done.stdout == ""
    assert text in done.stderr and "usage: oshrun -np N" in done.stderr


def test_a_program_that_is_not_there_or_no_program(harness):
    done = oshrun(harness, "-np", 2, "./none of this name")
    assert done.returncode == 127 and "./none of this name" in done.stderr
    done = oshrun(harness, "-np", 2, "/etc/passwd")
    assert done.returncode == 126 and "/etc/passwd" in done.stderr


def test_arguments_reach_the_program_as_they_are(harness):
    words = ["a b", "", "-np", "--", "$HOME", "'\"", "-x"]
    done = oshrun(harness, "-np", 1, sys.executable, "-c", "import sys; print(sys.argv[1:])", *words)
    assert (done.returncode, done.stdout) == (0, f"{words}\n"), done.stderr


@pytest.mark.parametrize("code", [1, 3, 255])
def test_exit_code_of_a_pe(harness, code):
    done = oshrun(harness, "-np", 3, "sh", "-c", f'[ "$MF_RANK" != 1 ] || exit {code}')
    assert done.returncode == code and f"rank 1 exited with code {code}" in done.stderr


def test_exit_code_of_the_pe_that_failed_first(harness, tmp_path):
    """The other fails when it is told to stop."""
    first = tmp_path / "first"
    script = f'''trap "exit 9" TERM
        if [ "$MF_RANK" = 1 ]; then while ! [ -e {first} ]; do :; done; exit 4; fi
        touch {first}; while :; do :; done'''
    done = oshrun(harness, "-np", 2, "sh", "-c", script)
    assert done.returncode == 4, done.stderr


@pytest.mark.parametrize("name", ["SEGV", "ABRT", "KILL", "TERM", "FPE"])
def test_exit_code_of_a_signal(harness, name):
    done = oshrun(harness, "-np", 2, "sh", "-c", f'ulimit -c 0; [ "$MF_RANK" != 0 ] || kill -{name} $$; exec true')
    number = signal.Signals[f"SIG{name}"]
    assert done.returncode == 128 + number and f"killed by signal {number}" in done.stderr


@pytest.fixture(scope="module")
def bad_calls(tmp_path_factory):
    program = tmp_path_factory.mktemp("bad") / "bad_calls"
    build(PROGRAMS / "bad_calls.c", program, "c")
    return program


@pytest.mark.parametrize("given,code", [(0, 0), (1, 1), (255, 255), (256 + 7, 7)])
def test_exit_code_of_global_exit(harness, bad_calls, given, code):
    done = oshrun(harness, "-np", 3, bad_calls, "exit", 1, given)
    assert done.returncode == code, done.stderr
    assert "survived" not in done.stdout


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
def test_a_signal_to_the_launcher_ends_all_pes(harness, bad_calls, name):
    command = [BUILD / "bin/oshrun", "-np", "2", bad_calls, "wait"]
    process = subprocess.Popen(command, env=harness.environment({}), stdout=subprocess.PIPE, text=True)
    pids = [int(process.stdout.readline().split()[1]) for _ in range(2)]
    process.send_signal(signal.Signals[name])
    assert process.wait(timeout=LIMIT) == 128 + signal.Signals[name]
    process.stdout.close()
    for pid in pids:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
