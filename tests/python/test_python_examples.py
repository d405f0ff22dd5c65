# SPDX-License-Identifier: Apache-2.0
"""The Python examples, and the demo with inputs of odd shapes."""
import hashlib
import os
import pathlib
import re
import struct
import subprocess
import sys

import pytest

EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def run(name, *arguments):
    return subprocess.run([sys.executable, EXAMPLES / name, *map(str, arguments)], capture_output=True, text=True, timeout=180)


def test_bm_basic():
    result = run("bm_basic.py")
    assert result.returncode == 0, result.stderr
    for rank in range(2):  # their lines may mix
        assert f"rank {rank} received: hello, rank {rank}, from rank {1 - rank}" in result.stdout
    assert result.stdout.endswith("both ranks received what the other sent\n")


def test_bm_numpy_pool():
    result = run("bm_numpy_pool.py")
    assert result.returncode == 0, result.stderr
    assert sorted(re.findall(r"^rank (\d): product of the whole matrix is right", result.stdout, flags=re.M)) == list("0123")


def test_shm_basic():
    result = run("shm_basic.py")
    assert result.returncode == 0, result.stderr
    total = sum(rank + 1 for rank in range(4)) * (2 << 20) // 8
    for rank in range(4):
        assert f"rank {rank}: the sum of all memory is {total}, and 4 ranks found the same" in result.stdout


def check_demo(path, stream):
    result = run("pool_demo.py", path)
    assert result.returncode == 0, result.stderr
    digest = hashlib.sha256(stream).hexdigest()
    assert f"SHA-256 of the input: {digest}" in result.stdout
    for rank in range(4):
        assert re.search(rf"SHA-256 at rank {rank}: +{digest} equal", result.stdout)
    rows = re.findall(r"^(rank 0 -> pool|pool -> rank \d) +(\d+) +([\d.]+) +([\d.]+) +([\d.]+)$", result.stdout, flags=re.M)
    assert [row[0] for row in rows] == ["rank 0 -> pool"] + [f"pool -> rank {rank}" for rank in range(4)]
    assert {int(row[1]) for row in rows} == {len(stream)}
    assert "\033" not in result.stdout


@pytest.mark.parametrize("size", [1, 1_000_003, 70 * 1024 * 1024 + 17])
def test_demo_with_a_file(tmp_path, size):
    data = os.urandom(size)
    (tmp_path / "input").write_bytes(data)
    check_demo(tmp_path / "input", data)


def test_demo_with_a_folder(tmp_path):
    folder = tmp_path / "tree"
    (folder / "deep").mkdir(parents=True)
    (folder / "empty").touch()
    (folder / "deep" / "odd").write_bytes(os.urandom(2_097_153))
    (folder / "name with spaces").write_bytes(b"1")
    (folder / "link").symlink_to("/etc/passwd")
    stream = b""
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
        name, data = str(path.relative_to(folder)).encode(), path.read_bytes()
        stream += struct.pack("<Q", len(name)) + name + struct.pack("<Q", len(data)) + data
    check_demo(folder, stream)


@pytest.mark.parametrize("make, text", [
    (lambda path: None, "does not exist"), (lambda path: path.touch(), "is empty"),
    (lambda path: path.mkdir(), "without a file"), (lambda path: os.mkfifo(path), "neither a file nor a folder"),
])
def test_demo_refuses(tmp_path, make, text):
    make(tmp_path / "input")
    result = run("pool_demo.py", tmp_path / "input")
    assert (result.returncode, result.stdout) == (1, "")
    assert len(result.stderr.splitlines()) == 1 and text in result.stderr and str(tmp_path / "input") in result.stderr


def test_demo_shows_its_usage():
    assert run("pool_demo.py", "a", "b").returncode == 2


@pytest.mark.parametrize("memory, path", [("private", "attach"), ("pool", "mapped")])
def test_kv_handoff(memory, path):
    result = run("kv_handoff.py", "--layers", "5", "--tokens", "500", "--heads", "3", "--page-tokens", "7", "--requests", "2",
                 "--memory", memory)
    assert result.returncode == 0, result.stderr
    assert "request 1: 360 of 360 pages are right" in result.stdout
    assert "GB/s" in result.stdout and f"bytes by path: {path} " in result.stdout
    assert "error" not in result.stderr


def test_kv_handoff_refuses_nonsense():
    assert run("kv_handoff.py", "--layers", "0").returncode == 2
