# SPDX-License-Identifier: Apache-2.0
"""The names of memfabric.bm, for programs that import mf_smem."""
from memfabric.bm import *
from memfabric.bm import __all__
