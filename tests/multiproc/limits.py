# SPDX-License-Identifier: Apache-2.0
"""Processes that run short of something for a while."""
import contextlib
import os
import resource

import pytest
from actors import sanitizes_undefined


def skip_where_descriptors_are_needed():
    if sanitizes_undefined():
        pytest.skip("UndefinedBehaviorSanitizer needs a pipe to look at an object, and reports it without")


@contextlib.contextmanager
def no_more_files(process, but=0):
    """The process gets no descriptor more than it has, but for so many."""
    skip_where_descriptors_are_needed()
    before = resource.prlimit(process.pid, resource.RLIMIT_NOFILE)
    used = max(map(int, os.listdir(f"/proc/{process.pid}/fd"))) + 1 + but
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, (used, before[1]))
    yield
    resource.prlimit(process.pid, resource.RLIMIT_NOFILE, before)
