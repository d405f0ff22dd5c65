# SPDX-License-Identifier: Apache-2.0
"""A small disk for a store's data, in a mount namespace of its own: it goes with the process that holds it."""
import errno

SIZE = "4m"  # the store writes its keys anew when there is a MiB of what is gone
STARTS = 20  # seconds
HOLD = f'mount -t tmpfs -o size={SIZE} memfabric "$0" && echo mounted && exec sleep infinity'


class SmallDisk:
    """`harness` starts and ends the holder; `folder` is where those who are started by `prefix` see the disk."""

    def __init__(self, harness, folder):
        folder.mkdir()
        self.data = folder / "data"
        self._holder = harness.start(["unshare", "--mount", "sh", "-c", HOLD, folder], "disk")
        self._holder.read_line(STARTS)
        self._filler = f"/proc/{self._holder.popen.pid}/root{folder}/filler"
        self.prefix = ["nsenter", f"--mount=/proc/{self._holder.popen.pid}/ns/mnt"]

    def fill(self):
        """Up to the last byte."""
        with open(self._filler, "ab", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(4096))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise

    def free(self):
        with open(self._filler, "wb"):
            pass  # empty again
