# SPDX-License-Identifier: Apache-2.0
"""The demo program: good inputs of odd shapes, bad inputs, interruption."""

import hashlib
import os
import re
import signal
import struct
import subprocess
import tempfile
from pathlib import Path

import pytest

from conftest import ROOT, end, finish, run, start

RANKS = 4


@pytest.fixture
def demo(programs):
    return programs / "pool_demo"


def packed(folder):
    """The stream of a folder, as examples/demo/input.h describes it."""
    stream = b""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        name = str(path.relative_to(folder)).encode()
        data = path.read_bytes()
        stream += struct.pack("<Q", len(name)) + name + struct.pack("<Q", len(data)) + data
    return stream


def check_success(result, stream):
    assert result.returncode == 0, result.stderr
    digest = hashlib.sha256(stream).hexdigest()
    assert f"SHA-256 of the input: {digest}" in result.stdout
    for rank in range(RANKS):
        assert re.search(rf"SHA-256 at rank {rank}: +{digest} equal", result.stdout)
    rows = re.findall(r"^(rank 0 -> pool|pool -> rank \d) +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", result.stdout,
                      flags=re.M)
    assert [row[0] for row in rows] == ["rank 0 -> pool"] + [f"pool -> rank {rank}" for rank in range(RANKS)]
    assert {int(row[1]) for row in rows} == {len(stream)}
    assert "\033" not in result.stdout  # the progress bar belongs on terminals


@pytest.mark.parametrize("size", [1, 3, 4096, 1_000_003, 70 * 1024 * 1024 + 17])
def test_file_of_any_size(demo, tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "input").write_bytes(data)
    check_success(run([demo, tmp_path / "input"]), data)


def test_folder_with_odd_sizes_an_empty_file_and_links(demo, tmp_path):
    folder = tmp_path / "tree"
    (folder / "deep" / "er").mkdir(parents=True)
    (folder / "empty").touch()
    (folder / "deep" / "one").write_bytes(b"1")
    (folder / "deep" / "er" / "odd").write_bytes(os.urandom(2_097_153))
    (folder / "name with spaces").write_bytes(os.urandom(12_345))
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "loop").symlink_to(folder)
    check_success(run([demo, folder]), packed(folder))


def test_folder_with_nothing_but_an_empty_file(demo, tmp_path):
    folder = tmp_path / "tree"
    folder.mkdir()
    (folder / "empty").touch()
    check_success(run([demo, folder]), packed(folder))


def check_refusal(result, *words):
    assert result.returncode == 1
    assert result.stdout == ""
    assert len(result.stderr.splitlines()) == 1, result.stderr
    for word in words:
        assert word in result.stderr


def test_missing_input(demo, tmp_path):
    check_refusal(run([demo, tmp_path / "nothing"]), str(tmp_path / "nothing"), "does not exist")


def test_empty_file(demo, tmp_path):
    (tmp_path / "empty").touch()
    check_refusal(run([demo, tmp_path / "empty"]), str(tmp_path / "empty"), "is empty")


def test_empty_folder(demo, tmp_path):
    check_refusal(run([demo, tmp_path]), str(tmp_path), "without a file")


def test_neither_file_nor_folder(demo):
    check_refusal(run([demo, "/dev/null"]), "/dev/null", "neither a file nor a folder")


def run_unprivileged(command):
    """Root reads everything, so it becomes nobody."""
    more = {"user": 65534, "group": 65534, "extra_groups": []} if os.geteuid() == 0 else {}
    try:
        return run(command, **more)
    except PermissionError:
        pytest.skip("nobody may not run programs of this folder")


@pytest.mark.parametrize("folder", [False, True])
def test_unreadable_input(demo, folder):
    with tempfile.TemporaryDirectory() as name:
        os.chmod(name, 0o755)  # for others than its owner too
        secret = Path(name) / "secret"
        secret.write_bytes(b"x")
        secret.chmod(0)
        result = run_unprivileged([demo, name if folder else secret])
        check_refusal(result, str(secret), "cannot be read", "Permission denied")


def test_input_larger_than_memory(demo, tmp_path):
    huge = tmp_path / "huge"
    huge.touch()
    os.truncate(huge, 1 << 43)  # sparse
    check_refusal(run([demo, huge]), str(huge), "MiB are available")


def test_too_many_arguments(demo):
    result = run([demo, "a", "b"])
    assert result.returncode == 2
    assert "usage" in result.stderr


def processes_with(word):
    """Process ids of this machine whose command line has `word` in it, this process left out."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            other = entry.name.isdigit() and int(entry.name) != os.getpid()
            if other and word in (entry / "cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.parametrize("signal_number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_leaves_nothing_behind(demo, tmp_path, signal_number):
    data = tmp_path / "input-to-interrupt"
    data.write_bytes(os.urandom(200 << 20))
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    process = start([demo, data], env={**os.environ, "TMPDIR": str(temporary)}, bufsize=1)
    try:
        assert process.stdout.readline().startswith("input:")  # the ranks start now
        os.killpg(process.pid, signal_number)  # as a terminal does: to all of them
        result = finish(process)
    finally:
        end(process)
    assert result.returncode == 128 + signal_number, result.stderr
    assert "interrupted" in result.stderr
    assert list(temporary.iterdir()) == []
    assert processes_with(str(data).encode()) == []


def test_default_input_is_large_and_real(demo):
    result = run([demo, "--default-input"])
    assert result.returncode == 0, result.stderr
    folder = Path(result.stdout.strip())
    assert folder.is_dir() and folder.is_absolute()
    size = 0
    for path in folder.rglob("*"):
        size += path.lstat().st_size if path.is_file() and not path.is_symlink() else 0
        if size >= 256 << 20:
            break
    assert size >= 256 << 20


@pytest.mark.parametrize("arguments, code, word", [(["/no/such/input"], 1, "does not exist"),
                                                   (["EMPTY"], 1, "is empty"), (["a", "b"], 2, "Usage"),
                                                   (["--hosts"], 2, "2 to 4"), (["--hosts", "1"], 2, "2 to 4"),
                                                   (["--hosts", "2", "/no/such/input"], 1, "does not exist"),
                                                   (["--help"], 0, "Usage")])
def test_script_refuses_at_once_what_cannot_work(tmp_path, arguments, code, word):
    empty = tmp_path / "empty"
    empty.touch()
    arguments = [empty if argument == "EMPTY" else argument for argument in arguments]
    result = run([ROOT / "scripts" / "demo.sh", *arguments])
    assert result.returncode == code
    assert word in result.stdout + result.stderr


def test_progress_bar_on_a_terminal(demo, tmp_path):
    (tmp_path / "input").write_bytes(os.urandom(100_000))
    controller, terminal = os.openpty()
    try:
        process = subprocess.Popen([str(demo), str(tmp_path / "input")], stdin=subprocess.DEVNULL,
                                   stdout=terminal, stderr=terminal, start_new_session=True)
        os.close(terminal)
        text = b""
        try:
            while chunk := read_terminal(controller):
                text += chunk
            assert process.wait(timeout=60) == 0, text
        finally:
            end(process)
    finally:
        os.close(controller)
    assert b"scatter" in text and b"gather" in text and b"100 %" in text
    assert text.index(b"100 %") < text.index(b"direction")


def read_terminal(controller):
    """Nothing at its end: Linux says EIO where the last writer of a terminal is gone."""
    try:
        return os.read(controller, 65536)
    except OSError:
        return b""
