# SPDX-License-Identifier: Apache-2.0
"""`mf run`: environment, output, exit codes, and that nothing is left behind."""
import json
import os
import select
import signal
import subprocess

import pytest
from conftest import BUILD, LIMIT

PRINT_ENVIRONMENT = """
import json, os
print(json.dumps({name: os.environ.get(name) for name in
      ["MF_RANK", "MF_WORLD_SIZE", "MF_LOCAL_RANK", "MF_STORE_URL", "MASTER_ADDR", "MASTER_PORT"]}))
"""

WAIT_FOREVER = "import signal\nwhile True: signal.pause()"


def lines_of(text):
    """rank -> its lines"""
    found = {}
    for line in text.splitlines():
        prefix, _, rest = line.partition("] ")
        assert prefix.startswith("["), line
        found.setdefault(int(prefix[1:]), []).append(rest)
    return found


def environments(mf, python, *arguments, env=None):
    result = mf("run", *arguments, "--", python, "-c", PRINT_ENVIRONMENT, env=env)
    assert result.returncode == 0, result.stderr
    return {rank: json.loads(lines[0]) for rank, lines in lines_of(result.stdout).items()}


def test_ranks_get_their_place_and_one_store(mf, python):
    ranks = environments(mf, python, "-n", 4)
    assert sorted(ranks) == [0, 1, 2, 3]
    urls = {variables["MF_STORE_URL"] for variables in ranks.values()}
    assert len(urls) == 1
    port = int(urls.pop().removeprefix("tcp://127.0.0.1:"))
    for rank, variables in ranks.items():
        assert variables["MF_RANK"] == variables["MF_LOCAL_RANK"] == str(rank)
        assert variables["MF_WORLD_SIZE"] == "4"
        assert variables["MASTER_ADDR"] == "127.0.0.1"
        assert int(variables["MASTER_PORT"]) == port - 11


def test_a_given_store_and_several_hosts(mf, python):
    ranks = environments(mf, python, "-n", 2, "--store", "tcp://[fd00::1]:7000", "--first-rank", 6, "--world-size", 10,
                         env={"MF_RANK": "1", "MASTER_ADDR": "elsewhere"})
    assert sorted(ranks) == [6, 7]
    assert ranks[7] == {"MF_RANK": "7", "MF_WORLD_SIZE": "10", "MF_LOCAL_RANK": "1", "MF_STORE_URL": "tcp://[fd00::1]:7000",
                        "MASTER_ADDR": "fd00::1", "MASTER_PORT": "6989"}


def test_a_world_that_is_too_small_is_refused(mf):
    result = mf("run", "-n", 4, "--first-rank", 2, "--world-size", 5, "--", "true")
    assert result.returncode not in (0, 1)
    assert "--world-size" in result.stderr


def test_the_store_of_a_run_answers(mf, python):
    program = ("import os, socket\n"
               "host, port = os.environ['MF_STORE_URL'].removeprefix('tcp://').split(':')\n"
               "socket.create_connection((host, int(port)), timeout=10).close()\nprint('connected')")
    result = mf("run", "-n", 2, "--", python, "-c", program)
    assert lines_of(result.stdout) == {0: ["connected"], 1: ["connected"]}


def test_output_is_passed_on_by_whole_lines(mf, python):
    program = ("import os, sys\nrank = os.environ['MF_RANK']\n"
               "for i in range(200):\n"
               "    os.write(1, b'out'); os.write(1, f' {rank} {i}\\n'.encode()); os.write(2, f'err {rank} {i}\\n'.encode())\n"
               "os.write(1, b'no line end')")
    result = mf("run", "-n", 4, "--", python, "-c", program)
    assert result.returncode == 0
    out = lines_of(result.stdout)
    errors = lines_of(result.stderr)
    for rank in range(4):
        assert out[rank] == [f"out {rank} {i}" for i in range(200)] + ["no line end"]
        assert errors[rank] == [f"err {rank} {i}" for i in range(200)]


def test_long_output_loses_nothing(mf, python):
    result = mf("run", "-n", 2, "--", python, "-c", "print('x' * 3_000_000)")
    assert result.stdout.count("x") == 6_000_000


def test_without_prefix_ranks_write_directly(mf):
    result = mf("run", "-n", 3, "--no-prefix", "--", "echo", "hello")
    assert result.stdout == "hello\n" * 3


def test_arguments_are_passed_on_unchanged(mf):
    result = mf("run", "-n", 1, "--", "printf", "%s|", "-n", "--store", "a b", "", "--", "$HOME")
    assert result.stdout == "[0] -n|--store|a b||--|$HOME|\n"
    assert mf("run", "-n", 1, "printf", "%s|", "-x", "y").stdout == "[0] -x|y|\n"


def test_rank_0_reads_the_input(mf):
    result = mf("run", "-n", 2, "--", "cat", input="some text\n")
    assert result.returncode == 0
    assert result.stdout == "[0] some text\n"


@pytest.mark.parametrize("command, code, text", [
    ("exit 7", 7, "rank 2 exited with code 7"),
    ("kill -SEGV $$", 128 + signal.SIGSEGV, "rank 2 was killed by signal 11"),
])
def test_the_first_failing_rank_ends_the_run(mf, command, code, text):
    script = f'if [ "$MF_RANK" = 2 ]; then {command}; else exec sleep infinity; fi'
    result = mf("run", "-n", 4, "--", "sh", "-c", script)
    assert result.returncode == code
    assert text in result.stderr
    assert "stopping the others" in result.stderr


def test_a_rank_that_ignores_sigterm_is_killed_after_the_grace(mf, python, tmp_path):
    fifo = tmp_path / "ready"
    os.mkfifo(fifo)
    program = ("import os, signal, sys\n"
               "if os.environ['MF_RANK'] == '0':\n"
               "    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
               f"    open({str(fifo)!r}, 'w').write('x')\n"
               "    while True: signal.pause()\n"
               f"open({str(fifo)!r}).read()\nsys.exit(5)")
    assert mf("run", "-n", 2, "--grace", "0.2", "--", python, "-c", program).returncode == 5


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_are_forwarded(mf, python, number):
    program = ("import signal, sys\n"
               "def end(number, frame):\n    print('got', number, flush=True)\n    sys.exit(9)\n"
               f"signal.signal({int(number)}, end)\nprint('ready', flush=True)\nwhile True: signal.pause()")
    process = mf.start("run", "-n", 2, "--", python, "-c", program)
    ready = [process.stdout.readline() for _ in range(2)]
    assert sorted(ready) == ["[0] ready\n", "[1] ready\n"]
    process.send_signal(number)
    output, _ = process.communicate(timeout=LIMIT)
    assert sorted(output.splitlines()) == [f"[0] got {int(number)}", f"[1] got {int(number)}"]
    assert process.returncode == 9


def test_an_interrupted_run_says_so_by_its_code(mf):
    process = mf.start("run", "-n", 2, "--", "sh", "-c", "echo ready; exec sleep infinity")
    for _ in range(2):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + signal.SIGINT


def test_nohup_keeps_a_run_alive(mf):
    command = f'trap "" HUP; exec "{BUILD}/bin/mf" run -n 1 -- sh -c "echo ready; read line; echo still here"'
    process = subprocess.Popen(["bash", "-c", command], env=mf.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "[0] ready\n"
    process.send_signal(signal.SIGHUP)
    output, _ = process.communicate("go on\n", timeout=LIMIT)
    assert output == "[0] still here\n"
    assert process.returncode == 0


def test_a_stopped_rank_is_ended_too(mf, python):
    program = ("import os, signal\nprint(os.getpid(), flush=True)\n"
               "while True: signal.pause()")
    process = mf.start("run", "-n", 1, "--", python, "-c", program)
    pid = int(process.stdout.readline().removeprefix("[0] "))
    os.kill(pid, signal.SIGSTOP)
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=LIMIT)
    assert process.returncode == 128 + signal.SIGTERM


def test_what_ranks_leave_behind_is_ended(mf):
    # One in the rank's group, one in a session of its own; both keep the output open.
    result = mf("run", "-n", 2, "--", "sh", "-c", "sleep infinity & setsid sleep infinity & echo done")
    assert result.returncode == 0
    assert lines_of(result.stdout) == {0: ["done"], 1: ["done"]}
    assert mf.left_behind() == []


def wait_for_end(pidfds):
    for pidfd in pidfds:
        readable, _, _ = select.select([pidfd], [], [], LIMIT)
        assert readable, "a rank outlived mf"
        os.close(pidfd)


def test_ranks_die_with_mf(mf, python):
    process = mf.start("run", "-n", 3, "--", python, "-c", f"import os\nprint(os.getpid(), flush=True)\n{WAIT_FOREVER}")
    pids = [int(process.stdout.readline().split("] ")[1]) for _ in range(3)]
    pidfds = [os.pidfd_open(pid) for pid in pids]
    process.kill()
    process.wait(timeout=LIMIT)
    wait_for_end(pidfds)


def test_a_reader_that_goes_ends_the_run(mf):
    process = mf.start("run", "-n", 2, "--", "sh", "-c", "while echo y; do :; done")
    assert process.stdout.readline() in ("[0] y\n", "[1] y\n")
    process.stdout.close()
    assert process.wait(timeout=LIMIT) == 128 + signal.SIGPIPE


@pytest.mark.parametrize("program, text, code",
                         [("/nonexistent/program", "No such file", 127), ("/etc/passwd", "Permission denied", 126)])
def test_a_program_that_cannot_be_started(mf, program, text, code):
    result = mf("run", "-n", 3, "--", program)
    assert result.returncode == code
    assert program in result.stderr and text in result.stderr


def test_many_ranks_with_few_descriptors(mf):
    command = f'ulimit -S -n 64; exec "{BUILD}/bin/mf" run -n 64 -- sh -c "ulimit -n"'
    result = subprocess.run(["bash", "-c", command], env=mf.environment(), capture_output=True, text=True, timeout=LIMIT,
                            check=False, stdin=subprocess.DEVNULL)
    assert result.returncode == 0, result.stderr
    assert lines_of(result.stdout) == {rank: ["64"] for rank in range(64)}
