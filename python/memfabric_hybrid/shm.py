# SPDX-License-Identifier: Apache-2.0
"""The names of memfabric.shm, for programs that import memfabric_hybrid."""
from memfabric.shm import *
from memfabric.shm import __all__
