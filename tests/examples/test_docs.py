# SPDX-License-Identifier: Apache-2.0
"""What the documentation shows is true: links lead somewhere, programs run, the table of codes is complete."""

import re
import subprocess

import pytest

from conftest import BUILD, ROOT, run

PAGES = sorted([ROOT / "README.md", ROOT / "README.zh.md", ROOT / "examples" / "README.md",
                *(ROOT / "docs").glob("*.md")])


def blocks(page, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), flags=re.M | re.S)


def whole_programs(language, mark):
    found = []
    for page in PAGES:
        programs = [text for text in blocks(page, language) if mark in text]
        found += [pytest.param(text, id=f"{page.name}-{number}") for number, text in enumerate(programs)]
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.M | re.S)
    for target in re.findall(r"\]\(([^)]+)\)", text):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{page.name}: {target}"
        if anchor:
            headings = [re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower()).replace(" ", "-")
                        for line in file.read_text().splitlines() if line.startswith("#")]
            assert anchor in headings, f"{page.name}: {target}"


def named_tests(page):
    """Such as `store/limits_test.cc`, `tests/tools/x.py`, `multiproc/test_tls.py::test_y` and `x_fuzz`: (file, name)."""
    text = page.read_text()
    named = re.findall(r"`(?:tests/)?([a-z]+/(?:test_\w+\.py|\w+_test\.cc))(?:::(\w+))?`", text)
    return named + [(f"fuzz/{target}.cc", "LLVMFuzzerTestOneInput") for target in re.findall(r"`(\w+_fuzz)`", text)]


@pytest.mark.parametrize("page", [page for page in PAGES if named_tests(page)], ids=lambda page: page.name)
def test_the_tests_that_are_named_exist(page):
    for path, name in named_tests(page):
        file = ROOT / "tests" / path
        assert file.exists(), f"{page.name}: {path}"
        assert re.search(rf"\b{name}\b", file.read_text()), f"{page.name}: {path} has no {name}"


def test_the_table_of_threats_names_its_tests():
    security = ROOT / "docs" / "security.md"
    assert len(named_tests(security)) > 40
    assert ("multiproc/test_observe.py", "test_other_users_see_nothing") in named_tests(security)


def test_every_fuzz_target_is_in_the_table():
    told = {path for path, _ in named_tests(ROOT / "docs" / "security.md")}
    assert {f"fuzz/{source.name}" for source in (ROOT / "tests" / "fuzz").glob("*_fuzz.cc")} <= told


def test_the_pages_show_programs():
    assert len(whole_programs("c", "int main")) >= 3
    assert len(whole_programs("python", "import")) >= 1


@pytest.mark.parametrize("text", whole_programs("c", "int main"))
def test_c_program_runs(programs, tmp_path, text):
    source = tmp_path / "program.c"
    source.write_text(text)
    library = BUILD / "lib"
    subprocess.run(["cc", "-std=gnu11", "-Wall", "-Wextra", "-Werror", str(source), f"-I{ROOT}/include/smem",
                    f"-L{library}", "-lmemfabric", f"-Wl,-rpath,{library}", "-o", str(tmp_path / "program")],
                   check=True, timeout=120)
    ranks = 2 if "MF_WORLD_SIZE" in text else 1
    result = run([programs / "mf", "run", "-n", ranks, "--", tmp_path / "program"])
    assert result.returncode == 0, result.stderr
    if ranks == 2:
        assert "rank 0 received 101" in result.stdout and "rank 1 received 100" in result.stdout
    else:
        assert "x three" in result.stdout


@pytest.mark.parametrize("text", whole_programs("python", "MF_WORLD_SIZE"))
def test_python_program_runs(programs, tmp_path, text):
    source = tmp_path / "program.py"
    source.write_text(text)
    result = run([programs / "mf", "run", "-n", 2, "--", ROOT / "scripts" / "python.sh", source])
    assert result.returncode == 0, result.stderr
    assert "rank 0 received 101" in result.stdout and "rank 1 received 100" in result.stdout


def test_every_error_code_is_explained():
    header = (ROOT / "include" / "smem" / "smem_error.h").read_text()
    codes = {(name, value) for name, value in re.findall(r"(SM_\w+) = (-\d+)", header)}
    page = (ROOT / "docs" / "failure.md").read_text()
    table = {(name, value) for value, name in re.findall(r"^\| (-\d+) \| `(SM_\w+)` \|", page, flags=re.M)}
    assert len(codes) > 20
    assert table == codes


def test_every_common_and_bm_function_is_in_the_overview():
    overview = (ROOT / "docs" / "c_api.md").read_text()
    for name in ("smem.h", "smem_security.h", "smem_bm.h"):
        text = re.sub(r"/\*.*?\*/", "", (ROOT / "include" / "smem" / name).read_text(), flags=re.S)
        for function in re.findall(r"\b(smem_\w+)\(", text):
            assert f"`{function}" in overview, function
