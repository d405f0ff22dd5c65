# SPDX-License-Identifier: Apache-2.0
"""`mf run` on several hosts: a remote shell that enters namespaces stands in for ssh."""
import json
import os
import signal
import sys

import pytest

from actors import wait_for
from launcher import Launcher
from suites import sweep_after_a_kill

PRINT_PLACE = """
import json, os, sys
names = ["MF_RANK", "MF_WORLD_SIZE", "MF_LOCAL_RANK", "MF_STORE_URL", "MASTER_ADDR", "MF_HOST_ID",
         "MF_LOG_LEVEL", "COLOUR", "SHAPE", "MF_FABRIC_ADDRESS"]
place = {name: os.environ.get(name) for name in names}
print(json.dumps(place | {"folder": os.getcwd(), "words": sys.argv[1:]}))
"""
WAIT = "import signal, sys\nprint('ready', flush=True)\nsignal.pause()"


@pytest.fixture
def launcher(make_cluster, tmp_path):
    return Launcher(make_cluster(2), tmp_path)


def places(result):
    assert result.returncode == 0, result.stderr
    found = {}
    for line in result.stdout.splitlines():
        prefix, _, rest = line.partition("] ")
        found[int(prefix.removeprefix("["))] = json.loads(rest)
    return found


def check_places(launcher, found):
    assert sorted(found) == [0, 1, 2, 3]
    for rank, place in found.items():
        assert place["MF_RANK"] == str(rank) and place["MF_WORLD_SIZE"] == "4"
        assert place["MF_LOCAL_RANK"] == str(rank % 2)
        assert place["MF_HOST_ID"] == f"host{rank // 2}"
        assert place["MASTER_ADDR"] == launcher.cluster.hosts[0].address
        assert place["folder"] == str(launcher.folder)
    assert len({place["MF_STORE_URL"] for place in found.values()}) == 1


def test_ranks_are_placed_host_by_host(launcher):
    words = ["two words", "quote ' \" $HOME", ""]
    found = places(
        launcher.run("--hosts", launcher.hosts(2), "--", sys.executable, "-c", PRINT_PLACE, *words)
    )
    check_places(launcher, found)
    assert found[3]["words"] == words


@pytest.mark.parametrize("form", ["{}:2", "{} slots=2  # two", "{} 2"])
def test_hosts_from_a_file(launcher, form):
    file = launcher.folder / "hosts"
    lines = ["# hosts", "", *(form.format(host.address) for host in launcher.cluster.hosts)]
    file.write_text("\n".join(lines), encoding="utf-8")
    check_places(launcher, places(launcher.run("--hostfile", file, "--", sys.executable, "-c", PRINT_PLACE)))


def test_fewer_ranks_than_the_hosts_take(launcher):
    found = places(launcher.run("-n", 3, "--hosts", launcher.hosts(2), sys.executable, "-c", PRINT_PLACE))
    assert [found[rank]["MF_HOST_ID"] for rank in range(3)] == ["host0", "host0", "host1"]
    result = launcher.run("-n", 5, "--hosts", launcher.hosts(2), "true")
    assert result.returncode != 0 and "5" in result.stderr and "4" in result.stderr


def test_environment_that_the_hosts_get(launcher):
    found = places(
        launcher.run(
            *("--hosts", launcher.hosts(1), "--env", "COLOUR=dark blue", "--env", "SHAPE"),
            *("--", sys.executable, "-c", PRINT_PLACE),
            environment={"MF_LOG_LEVEL": "warn", "SHAPE": "round", "MF_HOST_ID": "mine"},
        )
    )
    for rank, place in found.items():
        assert (place["COLOUR"], place["SHAPE"], place["MF_LOG_LEVEL"]) == ("dark blue", "round", "warn")
        assert place["MF_HOST_ID"] == f"host{rank}"


@pytest.mark.parametrize(
    "value, words, passed",
    [
        ("eth0,eth0.7", [], "eth0,eth0.7"),
        ("10.77.0.1", [], None),
        ("eth0,fd77::1", [], None),
        ("10.77.0.1", ["--env", "MF_FABRIC_ADDRESS"], "10.77.0.1"),
        ("10.77.0.1", ["--env", "MF_FABRIC_ADDRESS=eth0"], "eth0"),
    ],
)
def test_fabric_addresses_go_where_they_may_be_true(launcher, value, words, passed):
    result = launcher.run("--hosts", launcher.hosts(1), *words, "--", sys.executable, "-c", PRINT_PLACE,
                          environment={"MF_FABRIC_ADDRESS": value})
    assert {place["MF_FABRIC_ADDRESS"] for place in places(result).values()} == {passed}
    warnings = [line for line in result.stderr.splitlines() if "MF_FABRIC_ADDRESS" in line]
    assert len(warnings) == (passed is None), result.stderr
    assert passed or (f"={value} " in warnings[0] and "not passed on" in warnings[0] and "--env" in warnings[0])


def test_the_store_is_reached_from_every_host(launcher):
    connect = (
        "import os, socket\nhost, port = os.environ['MF_STORE_URL'].removeprefix('tcp://').split(':')\n"
        "socket.create_connection((host, int(port)), timeout=10).close()\nprint('connected')"
    )
    result = launcher.run("--hosts", launcher.hosts(2), "--", sys.executable, "-c", connect)
    assert sorted(result.stdout.splitlines()) == [f"[{rank}] connected" for rank in range(4)], result.stderr


def test_plaintext_store_between_hosts_is_refused_unless_asked_for(launcher):
    result = launcher.run("--hosts", launcher.hosts(1), "true", environment={"MF_ALLOW_PLAINTEXT": "0"})
    assert result.returncode != 0 and "MF_ALLOW_PLAINTEXT" in result.stderr


def test_exit_code_of_a_rank_comes_back_and_the_others_are_stopped(launcher):
    program = "import os, signal, sys\nif os.environ['MF_RANK'] == '2': sys.exit(7)\nsignal.pause()"
    result = launcher.run("--hosts", launcher.hosts(2), "--", sys.executable, "-c", program)
    assert result.returncode == 7
    assert "rank 2 exited with code 7" in result.stderr
    assert f"host {launcher.cluster.hosts[1].address} exited with code 7" in result.stderr
    assert launcher.processes_inside() == []


def test_a_host_that_is_not_reached(launcher):
    hosts = f"{launcher.cluster.hosts[0].address}:1,10.77.0.9:1"
    result = launcher.run("--hosts", hosts, "--", sys.executable, "-c", WAIT)
    assert result.returncode == 255
    assert "host 10.77.0.9 exited with code 255" in result.stderr and "no route" in result.stderr
    assert launcher.processes_inside() == []


def ready(launcher, ranks=4):
    process = launcher.start("--hosts", launcher.hosts(ranks // 2), "--", sys.executable, "-c", WAIT)
    lines = sorted(process.stdout.readline() for _ in range(ranks))
    assert lines == [f"[{rank}] ready\n" for rank in range(ranks)], process.stderr.read()
    return process


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signals_reach_the_ranks(launcher, number):
    process = ready(launcher)
    process.send_signal(number)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 128 + number, errors
    assert launcher.processes_inside() == []


def test_ranks_end_when_the_launcher_is_killed(launcher):
    process = ready(launcher)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate(timeout=30)
    wait_for(lambda: launcher.processes_inside() == [], "the ranks to end", 20)
    sweep_after_a_kill(launcher.cluster.hosts[0])


@pytest.mark.parametrize(
    "hosts, quoted",
    [("a:0", "'0'"), ("a:x", "'x'"), (":2", "':2'"), ("a,,b", "''"), ("fd77::1", "brackets"), ("fd77::1:2", "[fd00::1]"), ("-oProxy=x:1", "-oProxy")],
)
def test_host_lists_that_cannot_be_read(launcher, hosts, quoted):
    result = launcher.run(f"--hosts={hosts}", "--", "true")
    assert result.returncode != 0 and quoted in result.stderr


@pytest.mark.parametrize(
    "text, quoted",
    [("", "names no host"), ("a 2 3", ":1: "), ("\na slots=none", ":2: "), (None, "No such file")],
)
def test_host_files_that_cannot_be_read(launcher, text, quoted):
    file = launcher.folder / "hosts"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    result = launcher.run("--hostfile", file, "true")
    assert result.returncode != 0 and quoted in result.stderr and str(file) in result.stderr
