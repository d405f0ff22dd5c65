# SPDX-License-Identifier: Apache-2.0
from memfabric.shm import *
from memfabric.shm import __all__ as __all__
