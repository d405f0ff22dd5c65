# SPDX-License-Identifier: Apache-2.0
"""The names of memfabric.bm, for programs that import memfabric_hybrid."""
from memfabric.bm import *
from memfabric.bm import __all__
