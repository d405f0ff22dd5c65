# SPDX-License-Identifier: Apache-2.0
"""The names of libmf_shmem.so and its headers against those of the specification, and the profiling interface."""
import subprocess

import pytest

import shmem_names
from actors import sanitizer
from test_shmem_conformance import BUILD, LANGUAGES, PROGRAMS, build, pytestmark, run

assert pytestmark  # here, too: this build may have no OpenSHMEM

WRAPPER_LIMIT = 100  # seconds


def exported():
    library = BUILD / "lib/libmf_shmem.so"
    command = ["nm", "--dynamic", "--defined-only", "--format=posix", str(library)]
    listing = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    lines = [line.split() for line in listing.splitlines()]
    return {words[0].partition("@")[0] for words in lines if words[1] == "T"}


def test_every_function_is_there_under_both_names():
    names = exported()
    wanted = shmem_names.functions() | shmem_names.EXTRAS
    assert len(wanted) > 1600
    assert not {f"shmem_{name}" for name in wanted} - names
    assert not {f"pshmem_{name}" for name in wanted} - names
    known = {f"{prefix}_{name}" for name in wanted for prefix in ("shmem", "pshmem")}
    beside = {name for name in names - known if not name.startswith("shmemx_")}
    assert beside == shmem_names.OLD_NAMES


@pytest.mark.parametrize("compiler", [["oshcc", "-std=c99"], ["oshcc", "-std=c11"], ["oshc++", "-x", "c++"]])
def test_every_name_is_declared(tmp_path, compiler):
    functions = sorted(shmem_names.functions() | shmem_names.EXTRAS)
    lines = ["#include <pshmem.h>", "#include <stdint.h>", "typedef void (*function)(void);"]
    lines.append("function functions[] = {")
    lines += [f"(function){prefix}_{name}," for name in functions for prefix in ("shmem", "pshmem")]
    lines += [f"(function){name}," for name in sorted(shmem_names.OLD_NAMES)]
    lines += ["};", "const uintptr_t constants[] = {"]
    lines += [f"(uintptr_t)({name})," for name in shmem_names.CONSTANTS if "STRING" not in name]
    lines += ["};", "const char* strings[] = {"]
    lines += [f"{name}," for name in shmem_names.CONSTANTS if "STRING" in name]
    lines += ["};", "shmem_team_config_t config;", "shmem_ctx_t context;", "shmem_team_t team;"]
    source = tmp_path / "names.c"
    source.write_text("\n".join(lines) + "\n", encoding="utf-8")
    command = [BUILD / "bin" / compiler[0], *compiler[1:], "-Wall", "-Wextra", "-Wno-cast-function-type", "-Werror"]
    command += ["-c", source, "-o", tmp_path / "names.o"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WRAPPER_LIMIT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("header", ["shmem.h", "shmemx.h", "pshmem.h", "mpp/shmem.h", "mpp/shmemx.h", "mpp/pshmem.h"])
@pytest.mark.parametrize("standard", ["c99", "c11", "c17", "c++11", "c++17", "c++20"])
def test_headers_compile_alone_and_twice_without_a_warning(standard, header):
    """Also where SGI and Cray had them: in mpp."""
    wrapper, language = ("oshc++", "c++") if "++" in standard else ("oshcc", "c")
    text = f"#include <{header}>\n#include <{header}>\ntypedef int not_empty;\n"
    command = [BUILD / "bin" / wrapper, "-x", language, f"-std={standard}", "-Wall", "-Wextra", "-Wpedantic"]
    command += ["-Wstrict-prototypes"] if language == "c" else []
    command += ["-Werror", "-fsyntax-only", "-"]
    done = subprocess.run(command, input=text, capture_output=True, text=True, timeout=WRAPPER_LIMIT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_profiling_library_that_is_linked_in_front_counts(harness, tmp_path, language):
    profiler = tmp_path / "profiler.o"
    command = [BUILD / "bin/oshcc", "-c", PROGRAMS / "profiler.c", "-o", profiler]
    subprocess.run(command, check=True, timeout=WRAPPER_LIMIT)
    program = tmp_path / "program"
    main = tmp_path / "main.o"
    build(PROGRAMS / "profiled.c", main, language, "-c")
    command = [BUILD / "bin" / LANGUAGES[language][0], main, profiler, "-o", program]
    command += [f"-fsanitize={sanitizer()}"] if sanitizer() else []
    subprocess.run(command, check=True, timeout=WRAPPER_LIMIT)
    code, output, errors = run(harness, 3, program)
    assert (code, output) == (0, "ok\ncounted 2 3 4\n"), errors


@pytest.mark.skipif(bool(sanitizer()), reason="a sanitizer has to be the first library that is loaded")
def test_a_profiling_library_that_is_preloaded_counts(harness, tmp_path):
    library = tmp_path / "libprofiler.so"
    command = [BUILD / "bin/oshcc", "-shared", "-fPIC", PROGRAMS / "profiler.c", "-o", library]
    subprocess.run(command, check=True, timeout=WRAPPER_LIMIT)
    program = tmp_path / "program"
    build(PROGRAMS / "profiled.c", program, "c")
    code, output, errors = run(harness, 2, "env", f"LD_PRELOAD={library}", program)
    assert (code, output) == (0, "ok\ncounted 2 3 4\n"), errors


def test_without_a_profiling_library_nothing_is_counted(harness, tmp_path):
    program = tmp_path / "program"
    build(PROGRAMS / "profiled.c", program, "c")
    code, output, errors = run(harness, 2, program)
    assert (code, output) == (0, "ok\n"), errors
