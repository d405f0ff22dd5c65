# SPDX-License-Identifier: Apache-2.0
"""The public headers compile alone in every language, with the layouts that existing programs were built with."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
HEADERS = ROOT / "include" / "smem"
NAMES = sorted(path.name for path in HEADERS.glob("*.h"))
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-pedantic"]
LANGUAGES = {
    "c99": ["-x", "c", "-std=c99", "-pedantic-errors", "-Wstrict-prototypes"],
    "c11": ["-x", "c", "-std=c11"],
    "c++11": ["-x", "c++", "-std=c++11"],
    "c++20": ["-x", "c++", "-std=c++20"],
}


def compilers():
    """A C and a C++ driver of each family that this machine has."""
    found = [pair for pair in (("gcc", "g++"), ("clang", "clang++")) if all(map(shutil.which, pair))]
    return found or [("cc", "c++")]


def compile_text(language, compiler, text, *extra):
    driver = compiler[1] if language.startswith("c++") else compiler[0]
    command = [driver, *LANGUAGES[language], *WARNINGS, f"-I{HEADERS}", "-fsyntax-only", *extra, "-"]
    return subprocess.run(command, input=text, text=True, capture_output=True, cwd=HERE, timeout=120)


def assert_compiles(language, compiler, text):
    done = compile_text(language, compiler, text)
    assert done.returncode == 0, done.stderr


def test_all_documented_headers_exist():
    assert set(NAMES) == {
        "smem.h", "smem_bm.h", "smem_bm_def.h", "smem_error.h", "smem_security.h", "smem_shm.h",
        "smem_shm_def.h", "smem_trans.h", "smem_trans_def.h",
    }


@pytest.mark.parametrize("compiler", compilers(), ids=lambda pair: pair[0])
@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", NAMES)
def test_header_compiles_alone_and_twice(name, language, compiler):
    assert_compiles(language, compiler, f'#include "{name}"\n#include "{name}"\ntypedef int not_empty;\n')


@pytest.mark.parametrize("compiler", compilers(), ids=lambda pair: pair[0])
@pytest.mark.parametrize("language", ["c11", "c++11", "c++20"])
def test_layouts_and_values(language, compiler):
    assert_compiles(language, compiler, '#include "layout.h"\ntypedef int not_empty;\n')


def test_layout_check_notices_a_wrong_value():
    done = compile_text("c11", compilers()[0], '#include "layout.h"\nVALUE(SM_TIMEOUT, -2005);\n')
    assert done.returncode != 0
    assert "SM_TIMEOUT" in done.stderr


@pytest.mark.parametrize("compiler", compilers(), ids=lambda pair: pair[0])
@pytest.mark.parametrize("language", ["c++11", "c++20"])
def test_program_of_the_existing_implementation_compiles(language, compiler):
    assert_compiles(language, compiler, (HERE / "existing_program.cc").read_text())


def declared_functions(header):
    text = re.sub(r"/\*.*?\*/", "", (HEADERS / header).read_text(), flags=re.S)
    return set(re.findall(r"\b(smem_\w+)\(", text)) - {"smem_decrypt_handler"}


@pytest.fixture(scope="module")
def library():
    path = Path(os.environ.get("MEMFABRIC_BUILD_DIR", ROOT / "build" / "release")) / "lib" / "libmemfabric.so"
    if not path.exists():
        pytest.skip(f"{path} is not built")
    return path


def exported_functions(library):
    symbols = subprocess.run(["nm", "-D", "--defined-only", str(library)], text=True, capture_output=True,
                             check=True)
    return set(re.findall(r" T (smem_\w+)", symbols.stdout))


def test_every_common_bm_and_shm_function_is_in_the_library(library):
    declared = set().union(*(declared_functions(name) for name in ("smem.h", "smem_bm.h", "smem_security.h", "smem_shm.h")))
    assert len(declared) > 25
    assert declared <= exported_functions(library)


@pytest.mark.parametrize("name", ["smem_trans.h"])
def test_header_says_so_where_its_functions_are_missing(name, library):
    present = declared_functions(name) & exported_functions(library)
    says_missing = "does not contain these functions yet" in (HEADERS / name).read_text()
    assert present == (set() if says_missing else declared_functions(name))


def test_program_of_the_existing_implementation_links_by_the_old_name(library, tmp_path):
    program = tmp_path / "program"
    folder = library.parent
    subprocess.run([compilers()[0][1], "-std=c++11", *WARNINGS, "-DUSE_ONLY_BM", f"-I{HEADERS}",
                    str(HERE / "existing_program.cc"), f"-L{folder}", "-lmf_smem", f"-Wl,-rpath,{folder}",
                    "-o", str(program)], check=True, timeout=120)
    assert subprocess.run([str(program)], timeout=60).returncode == 0
