# SPDX-License-Identifier: Apache-2.0
"""The certificate of all processes of a campaign."""
import functools
import pathlib
import tempfile
import threading

from certificates import Authority
from network import Network

HOSTS = 2
_making = threading.Lock()


def tls_info():
    """The string that the library wants."""
    with _making:
        return _make()[0]


@functools.cache
def _make():
    """Once a campaign; goes with the process."""
    folder = tempfile.TemporaryDirectory(prefix="mf-faults-")
    authority = Authority(pathlib.Path(folder.name) / "authority", [Network.address(host) for host in range(HOSTS)])
    return authority.issue("rank").info("rank"), folder
