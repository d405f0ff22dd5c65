# SPDX-License-Identifier: Apache-2.0
"""Tests on real network namespaces; skipped with the reason where the machine gives none."""
import importlib.util
import pathlib
import sys

import pytest

MULTIPROC = pathlib.Path(__file__).resolve().parents[1] / "multiproc"
sys.path.insert(0, str(MULTIPROC))
sys.path.insert(0, str(pathlib.Path(__file__).parent))

import network  # noqa: E402
from actors import BUILD  # noqa: E402
from cluster import Cluster  # noqa: E402
from suites import check_traffic, host_counts, is_too_large  # noqa: E402

# The time limit of a test is that of tests/multiproc, whose conftest has this module's name too.
_spec = importlib.util.spec_from_file_location("multiproc_conftest", MULTIPROC / "conftest.py")
_multiproc = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_multiproc)
pytest_runtest_protocol = _multiproc.pytest_runtest_protocol
pytest_configure = _multiproc.pytest_configure


@pytest.fixture(autouse=True)
def _allowed():
    if network.refusal():
        pytest.skip(network.refusal())


@pytest.fixture
def python_packages():
    """The folder of the packages that were built; skipped where the build has none."""
    folder = BUILD / "python"
    if not list(folder.glob("memfabric/_core.*.so")):
        pytest.skip(f"{folder} has no Python packages")
    return folder


def pytest_generate_tests(metafunc):
    if "host_count" in metafunc.fixturenames:
        counts = host_counts(metafunc)
        metafunc.parametrize("host_count", counts, ids=[f"{count}hosts" for count in counts])


def pytest_collection_modifyitems(config, items):
    large = [item for item in items if is_too_large(item)]
    config.hook.pytest_deselected(items=large)
    items[:] = [item for item in items if item not in large]


@pytest.fixture
def harness(request, make_cluster, host_count):
    """Of adopted tests: suites.py."""
    cluster = make_cluster(host_count)
    yield cluster
    check_traffic(request, cluster)


pool = _multiproc.pool  # a fixture of adopted tests


@pytest.fixture
def make_cluster(tmp_path):
    """make_cluster(count, ...) -> Cluster; at the end of the test nothing of it may be left."""
    made = []

    def make(count, **arguments):
        folder = tmp_path / f"cluster{len(made)}"
        folder.mkdir()
        made.append(Cluster(folder, count, **arguments))
        return made[-1]

    problems = []
    try:
        yield make
    finally:
        for cluster in made:
            problems += cluster.finish()
            print(*(host.said() for host in cluster.hosts), sep="\n")  # shown where the test failed
    assert not problems, "\n".join(problems)
