# SPDX-License-Identifier: Apache-2.0
"""The project's own checks find what they are there to find, and the runner counts honestly."""
import json
import pathlib
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import check_layers  # noqa: E402
import check_symbols  # noqa: E402
import commands  # noqa: E402
import counted_runs  # noqa: E402
import run_tests  # noqa: E402


@pytest.fixture
def tree(tmp_path, monkeypatch):
    """Writes one file of a project with one public header; returns what the layer check says of it."""
    (tmp_path / "include/smem").mkdir(parents=True)
    (tmp_path / "include/smem/smem.h").touch()
    monkeypatch.setattr(check_layers, "ROOT", tmp_path)

    def check(name, text):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return list(check_layers.check_file(pathlib.Path(name)))

    return check


@pytest.mark.parametrize(
    "name,include",
    [
        ("src/store/a.cc", '"base/status.h"'),
        ("src/store/a.cc", '"store/client.h"'),
        ("src/capi/a.cc", '"bm/pool.h"'),
        ("src/bm/a.cc", '"runtime/runtime.h"'),
        ("src/base/a.cc", "<smem.h>"),
        ("src/base/a.cc", "<sys/mman.h>"),
        ("include/smem/a.h", '"smem.h"'),
        ("include/smem/a.h", "<stdint.h>"),
        ("python/a.cc", '"capi/private_api.h"'),
        ("tests/base/a.cc", '"capi/report.h"'),
    ],
)
def test_layers_that_may_be_included(tree, name, include):
    assert tree(name, f"#include {include}\n") == []


@pytest.mark.parametrize(
    "name,include",
    [
        ("src/base/a.cc", '"store/client.h"'),
        ("src/store/a.h", '"memory/window.h"'),
        ("src/copy/a.cc", '"runtime/runtime.h"'),
        ("src/transport/a.cc", '"copy/engine.h"'),
        ("src/bm/a.cc", '"shm/shm.h"'),
        ("src/bm/a.cc", '"capi/report.h"'),
        ("include/smem/a.h", '"base/status.h"'),
        ("include/smem/a.h", '"internal.h"'),
        ("python/a.cc", '"base/status.h"'),
        ("tools/mf/a.cc", '"store/server.h"'),
        ("src/base/a.cc", '"store/tls.h"  // no'),
    ],
)
def test_layers_that_may_not_be_included(tree, name, include):
    found = tree(name, f"// one\n  #  include {include}\n")
    assert len(found) == 1 and found[0].startswith(f"{name}:2: ")


def test_every_public_function_is_known_to_the_symbol_check():
    declared = check_symbols.declared()
    assert {
        "smem_bm_copy_2d",
        "smem_get_last_err_msg",
        "smem_register_decrypt_handler_sized",
        "smem_bm_ptr",
        "smem_uninit",
    } <= declared
    assert all(name.startswith("smem_") for name in declared)


def test_symbol_check_finds_a_stray_export(tmp_path):
    source = tmp_path / "a.c"
    source.write_text("void stray(void) {} void smem_uninit(void) {}\n", encoding="utf-8")
    versions = tmp_path / "a.map"
    versions.write_text("MEMFABRIC_1 { global: smem_*; stray; local: *; };\n", encoding="utf-8")
    library = tmp_path / "liba.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", library, source, f"-Wl,--version-script={versions}"], check=True
    )
    found = check_symbols.problems(library)
    assert any("exports stray" in line for line in found)
    assert any("smem_bm_copy is declared" in line for line in found)
    assert not any("smem_uninit" in line for line in found)


def test_junit_counts(tmp_path):
    report = tmp_path / "junit.xml"
    report.write_text(
        '<testsuites><testsuite name="a" errors="1" failures="2" skipped="3" tests="10"/></testsuites>',
        encoding="utf-8",
    )
    assert counted_runs.read_junit(report) == counted_runs.Count(passed=4, failed=3, skipped=3)


@pytest.mark.parametrize("code,expected", [(0, counted_runs.Count(passed=1)), (1, counted_runs.Count(failed=1))])
def test_a_command_without_report_counts_as_one(tmp_path, code, expected):
    entry = {"name": "plain", "command": ["/bin/sh", "-c", f"exit {code}"]}
    assert counted_runs.run_ctest_entry(entry, {}, tmp_path) == expected


def test_a_binary_that_dies_after_its_last_test_has_failed(tmp_path):
    text = '{"tests": 2, "failures": 0, "disabled": 0, "testsuites": []}'
    entry = {"name": "dies", "command": ["/bin/sh", "-c", f"echo '{text}' > ${{GTEST_OUTPUT#json:}}; exit 1"]}
    assert counted_runs.run_ctest_entry(entry, {}, tmp_path) == counted_runs.Count(passed=2, failed=1)


def runs(pid):
    """A process that was killed vanishes, or stays as a zombie where nobody collects it."""
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def test_a_command_that_hangs_is_ended_and_its_children_with_it(tmp_path):
    pid_file = tmp_path / "pid"
    assert not commands.run(["/bin/sh", "-c", f"sleep 600 & echo $! > {pid_file}; wait"], 1)
    pid = int(pid_file.read_text(encoding="utf-8"))
    deadline = time.monotonic() + 5
    while runs(pid):
        assert time.monotonic() < deadline, f"process {pid} goes on"


def test_an_unknown_part_is_an_error():
    result = subprocess.run(
        ["/usr/bin/python3", ROOT / "scripts/run_tests.py", "--only", "nonsense"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode != 0 and "nonsense" in result.stderr


@pytest.fixture
def verbs(tmp_path, monkeypatch):
    """Makes an `mf` that finds libfabric's verbs provider like this."""
    monkeypatch.setattr(run_tests, "ROOT", tmp_path)
    command = tmp_path / "build/release/bin/mf"
    command.parent.mkdir(parents=True)

    def find(**provider):
        found = {"fabric": {"providers": [{"name": "tcp;ofi_rxm"}, {"name": "verbs;ofi_rxm", **provider}]}}
        command.write_text(f"#!/bin/sh\necho '{json.dumps(found)}'\n", encoding="utf-8")
        command.chmod(0o755)

    return find


@pytest.mark.parametrize(
    "provider,reason",
    [
        ({"usable": False, "note": "no RDMA device", "ways": []}, "no RDMA device"),
        ({"usable": True, "note": "", "ways": [{"domain": "mlx5_0", "address": ""}]}, "has no address"),
    ],
)
def test_without_an_rdma_device_the_verbs_part_is_skipped_and_says_why(verbs, capsys, provider, reason):
    verbs(**provider)
    assert run_tests.run_verbs() == counted_runs.Count(skipped=1)
    assert reason in capsys.readouterr().out


def test_the_verbs_part_uses_the_address_of_the_device(verbs, monkeypatch):
    verbs(usable=True, note="", ways=[{"domain": "mlx5_0", "address": ""}, {"domain": "mlx5_0", "address": "10.1.0.1"}])
    used = []
    monkeypatch.setattr(run_tests, "run", lambda command, limit, environment: used.append(environment) or True)
    monkeypatch.setattr(
        run_tests, "run_pytest", lambda suite, environment: used.append(environment) or counted_runs.Count(passed=2)
    )
    assert run_tests.run_verbs() == counted_runs.Count(passed=7)
    assert used == 4 * [{"MF_FABRIC_PROVIDER": "verbs;ofi_rxm", "MF_FABRIC_ADDRESS": "10.1.0.1"}]
