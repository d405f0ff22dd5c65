# SPDX-License-Identifier: Apache-2.0
from memfabric.bm import *
from memfabric.bm import __all__ as __all__
