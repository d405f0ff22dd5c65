# SPDX-License-Identifier: Apache-2.0
"""The C examples of OpenSHMEM, compiled by oshcc as their first lines say, as C and as C++, and run by oshrun."""
import pytest

from conftest import ROOT, run

EXAMPLES = {
    "shmem_ring": ("after 3 rounds of {pes} PEs the token is", "right"),
    "shmem_heat": ("200 steps on {pes} PEs: largest difference", "e"),
    "shmem_histogram": ("numbers in", "bins on {pes} PEs, all there"),
}


@pytest.mark.parametrize("compiler", [["oshcc"], ["oshc++", "-x", "c++"]], ids=["c", "c++"])
@pytest.mark.parametrize("name", EXAMPLES)
def test_example(programs, tmp_path, name, compiler):
    program = tmp_path / name
    source = ROOT / f"examples/{name}.c"
    built = run([programs / compiler[0], *compiler[1:], "-Wall", "-Wextra", "-Werror", "-O2", source, "-o", program, "-lm"])
    assert built.returncode == 0, built.stderr
    for pes in (1, 2, 4):
        result = run([programs / "oshrun", "-np", pes, program])
        assert result.returncode == 0, result.stderr
        for text in EXAMPLES[name]:
            assert text.format(pes=pes) in result.stdout


def test_heat_refuses_parts_that_are_not_equal(programs, tmp_path):
    program = tmp_path / "heat"
    assert run([programs / "oshcc", ROOT / "examples/shmem_heat.c", "-o", program, "-lm"]).returncode == 0
    result = run([programs / "oshrun", "-np", 3, program])
    assert result.returncode == 2
    assert "64 rows are no equal parts for 3 PEs" in result.stderr
