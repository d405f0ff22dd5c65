# SPDX-License-Identifier: Apache-2.0
"""Which files belong to the project: tracked ones, and new ones that git does not ignore."""
import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent
_SKIPPED_FOLDERS = {".git", "build", "dist", "__pycache__", ".pytest_cache", ".cache"}


def project_files():
    """Every file of the project, as a path relative to its root; from git where it is there, else from the
    folder."""
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        names = sorted(set(filter(None, listed.split("\0"))))
    except (OSError, subprocess.CalledProcessError):
        names = []
        for folder, folders, files in os.walk(ROOT):
            folders[:] = [name for name in folders if name not in _SKIPPED_FOLDERS]
            names += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
        names.sort()
    return [pathlib.Path(name) for name in names if (ROOT / name).is_file()]


def cpp_files():
    return [path for path in project_files() if path.suffix in {".h", ".cc", ".c", ".cpp", ".hpp"}]
