# SPDX-License-Identifier: Apache-2.0
"""The input of pool_demo.py.

A file is its own stream. A folder is packed: for each regular file, in the order of the names, the length of its path below
the folder (8 bytes, little-endian), the path, its size (8 bytes), its bytes. Symbolic links are left out.
"""
import hashlib
import os
import pathlib
import struct

DEFAULT_AT_LEAST = 256 << 20
CANDIDATES = ["/usr/lib/gcc", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu", "/usr/share", "/usr/bin", "/usr/lib", "/usr"]


class InputError(Exception):
    """With a text for the user."""


class Input:
    def __init__(self, path):
        self.path = str(path)
        try:
            self.entries = self._scan(pathlib.Path(path))
        except OSError as error:
            raise InputError(f"input {error.filename or path}: cannot be read: {error.strerror}") from None
        self.total = sum(len(header) + size for _, size, header in self.entries)
        if self.total == 0:
            raise InputError(f"input {path}: is empty")

    @staticmethod
    def _scan(path):
        """(path, size, bytes that precede it) of each file."""
        if not path.exists():
            raise InputError(f"input {path}: does not exist")
        if path.is_file():
            return [(path, _readable_size(path), b"")]
        if not path.is_dir():
            raise InputError(f"input {path}: is neither a file nor a folder")
        found = []
        for folder, _, names in os.walk(path, onerror=_raise):
            files = (pathlib.Path(folder, name) for name in names)
            found += [file for file in files if file.is_file() and not file.is_symlink()]
        if not found:
            raise InputError(f"input {path}: is a folder without a file in it")
        entries = []
        for file in sorted(found):
            name, size = os.fsencode(file.relative_to(path)), _readable_size(file)
            entries.append((file, size, struct.pack("<Q", len(name)) + name + struct.pack("<Q", size)))
        return entries

    def reader(self):
        return Reader(self)

    def digest(self):
        digest = hashlib.sha256()
        reader, buffer = self.reader(), memoryview(bytearray(1 << 20))
        for begin in range(0, self.total, len(buffer)):
            part = buffer[:self.total - begin]
            reader.readinto(part)
            digest.update(part)
        return digest.hexdigest()


class Reader:
    """Reads the stream from its beginning to its end."""

    def __init__(self, source):
        self._pieces = self._make_pieces(source)
        self._file, self._left = None, 0

    @staticmethod
    def _make_pieces(source):
        for path, size, header in source.entries:
            yield header, None, len(header)
            yield None, path, size

    def readinto(self, buffer):
        """Fills `buffer`, which must not be longer than what is left."""
        while len(buffer) > 0:
            if self._left == 0:
                self._open_next()
                continue
            part = buffer[:self._left]
            if self._header is not None:
                part[:] = self._header[len(self._header) - self._left:][:len(part)]
                count = len(part)
            else:
                count = self._file.readinto(part)
            if count == 0:
                raise InputError(f"input {self._file.name}: could not be read to its end; it changed, or the disk failed")
            self._left -= count
            buffer = buffer[count:]

    def _open_next(self):
        if self._file is not None:
            self._file.close()
        self._header, path, self._left = next(self._pieces)
        self._file = open(path, "rb", buffering=0) if path is not None else None


def _raise(error):
    raise error


def _readable_size(path):
    if not os.access(path, os.R_OK):
        raise InputError(f"input {path}: cannot be read: Permission denied")
    return path.stat().st_size


def default_input():
    """A real tree of at least 256 MiB of this machine, all of it readable."""
    for candidate in CANDIDATES:
        try:
            if Input(candidate).total >= DEFAULT_AT_LEAST:
                return candidate
        except InputError:
            continue
    raise InputError("no readable folder of 256 MiB was found below /usr; name a file or a folder")
