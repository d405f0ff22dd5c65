# SPDX-License-Identifier: Apache-2.0
"""The wheel installs into a clean environment and works there, with nothing of the build in reach."""
import os
import pathlib
import subprocess
import sys
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PROGRAM = pathlib.Path(__file__).with_name("wheel_program.py")


def clean_environment():
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "LD_LIBRARY_PATH", "VERSION")}


def run(*command, **environment):
    result = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=900, cwd="/",
                            env={**clean_environment(), **environment})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout.strip()


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    path = pathlib.Path(run(ROOT / "scripts/wheel.sh", folder).splitlines()[-1])
    assert [path] == list(folder.iterdir())
    return path


@pytest.fixture(scope="module", params=[False, True], ids=["without numpy", "with numpy"])
def python(request, wheel, tmp_path_factory):
    folder = tmp_path_factory.mktemp("venv")
    run(sys.executable, "-m", "venv", *["--system-site-packages"] * request.param, folder)
    run(folder / "bin/pip", "install", "--no-index", "--no-deps", "--disable-pip-version-check", wheel)
    return folder / "bin/python"


def test_wheel_holds_everything(wheel):
    assert wheel.name.startswith("memfabric-1.0.0-cp311-cp311-linux_")
    names = zipfile.ZipFile(wheel).namelist()
    for package in ("memfabric", "mf_smem", "mf_adapter", "memfabric_hybrid"):
        for name in ("__init__.py", "__init__.pyi", "bm.py", "bm.pyi", "py.typed"):
            assert f"{package}/{name}" in names
    assert "memfabric/lib/libmemfabric.so.1" in names
    assert "memfabric/include/smem/smem_bm.h" in names
    assert not [name for name in names if "bench" in name]


def test_two_processes_copy(python):
    assert run(python, PROGRAM).splitlines() == ["1.0.0", "[b'from rank 1', b'from rank 0']"]


def test_c_program_finds_headers_and_library(python, tmp_path):
    (tmp_path / "program.c").write_text("#include <smem_bm.h>\n#include <stdio.h>\n"
                                        'int main(void) { printf("%u", smem_bm_get_rank_id()); return smem_init(0); }\n')
    paths = run(python, "-c", "from memfabric_hybrid import *; print(get_include_path(), get_lib_path())").split()
    run("cc", tmp_path / "program.c", f"-I{paths[0]}", "-o", tmp_path / "program", f"{paths[1]}/libmemfabric.so.1",
        f"-Wl,-rpath,{paths[1]}")
    assert run(tmp_path / "program") == "4294967295"


def test_the_command_is_there(python):
    assert "1.0.0" in run(python.with_name("mf"), "--version")


@pytest.mark.parametrize("version", ["1.2.x", "v1.2.3", "1.2.3;id", "-1"])
def test_a_version_that_is_none_is_refused(version, tmp_path):
    result = subprocess.run([ROOT / "scripts/wheel.sh", tmp_path], capture_output=True, text=True, timeout=60, check=False,
                            env={**clean_environment(), "VERSION": version})
    assert result.returncode == 2 and f"'{version}'" in result.stderr
    assert not list(tmp_path.iterdir())
