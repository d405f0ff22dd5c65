# SPDX-License-Identifier: Apache-2.0
"""`mf run` on several hosts by OpenSSH, a real server on each. What needs no ssh of its own is in test_run_on_hosts.py."""
import fcntl
import hashlib
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios

import pytest

import openssh
from actors import ROOT, wait_for
from launcher import MF
from suites import sweep_after_a_kill

POOL_PROGRAM = ROOT / "examples" / "pool_hosts.py"
# Ranks that have joined one pool, and stay until they are ended.
POOL = """
import os, signal, memfabric
from memfabric import bm
from pool_hosts import Meeting
config = bm.BmConfig()
config.start_store = False
count = int(os.environ["MF_WORLD_SIZE"])
assert bm.initialize(os.environ["MF_STORE_URL"], count, 0, config) == 0, memfabric.get_last_err_msg()
Meeting(bm.bm_rank_id(), count).barrier()
print("ready", os.getpid(), flush=True)
signal.pause()
"""
WAIT = "import os, signal\nprint('ready', os.getpid(), flush=True)\nsignal.pause()"
STUBBORN = r"""
import os, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
signal.signal(signal.SIGINT, lambda *_: os.write(1, b"no\n"))  # not print: it may interrupt that
print("ready", os.getpid(), flush=True)
while True:
    signal.pause()
"""


@pytest.fixture
def launcher(make_cluster, tmp_path):
    if openssh.refusal():
        pytest.skip(openssh.refusal())
    return openssh.SshLauncher(make_cluster(2), tmp_path)


@pytest.fixture
def python_path(python_packages):
    return {"PYTHONPATH": f"{python_packages}:{ROOT}/examples", "PYTHONDONTWRITEBYTECODE": "1"}


def start(launcher, program, *options, environment=None):
    """Four ranks that are ready, and their processes by rank."""
    words = ("--hostfile", launcher.host_file(2), *options, "--", "/usr/bin/python3", "-c", program)
    process = launcher.start(*words, environment=environment)
    pids = {}
    while len(pids) < 4:
        line = process.stdout.readline()
        assert line, process.stderr.read()
        prefix, word, pid = line.split()
        assert word == "ready"
        pids[int(prefix.strip("[]"))] = int(pid)
    return process, pids


def ends_with(launcher, process, code):
    """What it says meanwhile."""
    _, errors = process.communicate(timeout=30)
    assert process.returncode == code, errors
    assert launcher.processes_inside() == []
    return errors


def test_bytes_pass_through_one_pool_over_both_hosts(launcher, python_path):
    data = os.urandom(20_000_001)
    (launcher.folder / "input").write_bytes(data)
    words = ("--no-prefix", "--hostfile", launcher.host_file(2), "--")
    result = launcher.run(*words, "/usr/bin/python3", POOL_PROGRAM, "input", environment=python_path)
    assert result.returncode == 0, result.stderr
    assert "over 4 ranks on 2 host(s): host0, host1" in result.stdout
    for rank in range(4):
        assert f"SHA-256 at rank {rank}:    {hashlib.sha256(data).hexdigest()} equal" in result.stdout
    assert launcher.processes_inside() == []


def test_a_killed_rank_ends_the_job_with_its_code(launcher, python_path):
    process, pids = start(launcher, POOL, environment=python_path)
    os.kill(pids[3], signal.SIGKILL)
    errors = ends_with(launcher, process, 128 + signal.SIGKILL)
    assert "rank 3 was killed by signal 9" in errors
    assert f"host {launcher.cluster.hosts[1].address} exited with code 137; stopping the others" in errors


@pytest.fixture
def short_folder():
    """For sockets, whose paths may have 107 characters."""
    with tempfile.TemporaryDirectory(prefix="mf-") as folder:
        yield folder


def test_exit_code_comes_back_where_ssh_leaves_a_process_for_later_connections(launcher, short_folder):
    launcher.use(f"-o ControlMaster=auto -o ControlPath={short_folder}/%h -o ControlPersist=600")
    program = "import os, signal, sys\nif os.environ['MF_RANK'] == '2': sys.exit(7)\nsignal.pause()"
    result = launcher.run("--hosts", launcher.hosts(2), "--", sys.executable, "-c", program)
    assert result.returncode == 7 and "rank 2 exited with code 7" in result.stderr
    assert launcher.processes_inside() == []


@pytest.mark.parametrize("number, program", [(signal.SIGINT, POOL), (signal.SIGTERM, WAIT)], ids=["int", "term"])
def test_signals_end_the_ranks(launcher, python_path, number, program):
    process, _ = start(launcher, program, environment=python_path)
    process.send_signal(number)
    ends_with(launcher, process, 128 + number)


def test_a_second_signal_kills_ranks_that_do_not_end(launcher):
    process, _ = start(launcher, STUBBORN, "--grace", 600)
    process.send_signal(signal.SIGINT)
    assert sorted(process.stdout.readline() for _ in range(4)) == [f"[{rank}] no\n" for rank in range(4)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 128 + signal.SIGKILL
    wait_for(lambda: launcher.processes_inside() == [], "the ranks to end", 20)


def test_ranks_end_when_the_launcher_is_killed(launcher):
    process, _ = start(launcher, WAIT)
    process.kill()
    process.communicate(timeout=30)
    wait_for(lambda: launcher.processes_inside() == [], "the ranks to end", 20)
    sweep_after_a_kill(launcher.cluster.hosts[0])


def test_a_connection_that_is_lost_ends_the_job_on_both_hosts(launcher):
    process, _ = start(launcher, WAIT)
    launcher.close_connections(1)
    _, errors = process.communicate(timeout=30)
    address = launcher.cluster.hosts[1].address
    assert process.returncode == 255 and f"Connection to {address} closed by remote host" in errors
    assert f"host {address} exited with code 255, as ssh does where" in errors
    wait_for(lambda: launcher.processes_inside() == [], "the ranks to end", 20)


def stop_the_server(launcher):
    server = launcher.servers[1]
    server.popen.terminate()
    server.wait()


def offer_another_key(launcher):
    config = launcher.config.read_text(encoding="utf-8").replace("user_key", "%h_key")
    launcher.config.write_text(config, encoding="utf-8")
    for key, host in zip(("user_key", "strange_key"), launcher.cluster.hosts):
        (launcher.folder / f"{host.address}_key").symlink_to(launcher.folder / key)


def forget_the_host(launcher):
    first = launcher.known_hosts.read_text(encoding="utf-8").splitlines()[0]
    launcher.known_hosts.write_text(first + "\n", encoding="utf-8")


@pytest.mark.parametrize(
    "spoil, reason",
    [
        (stop_the_server, "connect to host {} port 2222: Connection refused"),
        (offer_another_key, "root@{}: Permission denied (publickey)."),
        (forget_the_host, "Host key verification failed."),
    ],
)
def test_a_host_that_is_not_reached(launcher, spoil, reason):
    spoil(launcher)
    reached, address = (host.address for host in launcher.cluster.hosts)
    result = launcher.run("--hosts", launcher.hosts(2), "--", sys.executable, "-c", WAIT)
    assert result.returncode == 255
    assert reason.format(address) in result.stderr and reached not in result.stderr
    assert f"mf run: host {address} exited with code 255" in result.stderr and "stopping the others" in result.stderr
    assert launcher.processes_inside() == []


def test_ssh_does_not_ask_at_a_terminal(launcher):
    """Behind it nobody answers: its group is not the one in the terminal's foreground."""
    forget_the_host(launcher)
    launcher.use()  # without BatchMode
    controller, terminal = pty.openpty()
    process = subprocess.Popen(
        [*launcher.cluster.hosts[0].prefix, *launcher.command("--hosts", launcher.hosts(1), "--", "true")],
        env=launcher.cluster.hosts[0].environment(),
        stdin=terminal,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    try:
        _, errors = process.communicate(timeout=20)
    finally:
        process.kill()
        os.close(terminal)
        os.close(controller)
    assert process.returncode == 255 and "Host key verification failed." in errors


def test_ping_with_options_of_ssh(launcher):
    options = f"-p {openssh.PORT} -i {launcher.folder}/user_key -o UserKnownHostsFile={launcher.known_hosts}"
    addresses = [host.address for host in launcher.cluster.hosts]
    result = launcher.cluster.network.run(
        0,
        *("env", "MF_ALLOW_PLAINTEXT=1", f"MF_RUNTIME_DIR={launcher.cluster.hosts[0].runtime_folder}"),
        *(MF, "ping", "--count", "5", "--json", "--remote-shell", f"ssh -F /dev/null -o BatchMode=yes {options}"),
        *addresses,
    )
    assert result.returncode == 0, result.stderr
    pairs = {(row["from"]["name"], row["to"]["name"]) for row in json.loads(result.stdout)["pings"] if row["reached"]}
    assert pairs == {tuple(addresses), tuple(reversed(addresses))}
    assert launcher.processes_inside() == []
