# SPDX-License-Identifier: Apache-2.0
"""More ranks than anybody's tables are small for: the scene of scripts/bench.sh scale, which has up to 1024."""
import pathlib
import sys

from actors import slowness

ROOT = pathlib.Path(__file__).resolve().parents[2]
for folder in ("bench/scale", "tests/hosts"):
    sys.path.append(str(ROOT / folder))

import many  # noqa: E402  (found by the path above)


def test_many_ranks_share_copy_lose_some_and_end():
    costs = many.run(192 // slowness(), whole=True)
    assert costs["init"] > 0 and costs["barrier"] > 0
