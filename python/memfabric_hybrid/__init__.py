# SPDX-License-Identifier: Apache-2.0
"""The names of memfabric, for programs that import memfabric_hybrid."""
from memfabric import *
from memfabric import __all__, __version__

from . import bm, shm
