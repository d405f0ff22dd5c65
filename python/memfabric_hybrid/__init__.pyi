# SPDX-License-Identifier: Apache-2.0
from memfabric import *
from memfabric import __all__ as __all__
from memfabric import __version__ as __version__
