# SPDX-License-Identifier: Apache-2.0
import os
import pathlib
import sys

_PACKAGE = pathlib.Path(__file__).parent


def get_include_path() -> str:
    """Folder of the C headers: smem.h, smem_bm.h and so on."""
    return str(_PACKAGE / "include" / "smem")


def get_lib_path() -> str:
    """Folder of libmemfabric.so.1."""
    return str(_PACKAGE / "lib")


def run_command() -> None:
    """The command mf: becomes the program of that name that lies in the package."""
    program = str(_PACKAGE / "bin" / "mf")
    os.execv(program, [program, *sys.argv[1:]])
