# SPDX-License-Identifier: Apache-2.0
"""What goes wrong between hosts: links, peers, providers, addresses. Calls end as promised, and nothing is
reported done that was not."""
import time

import pytest

from actors import slowness, wait_for
from network import TCP_NOBODY
from pool import ASYNC, ERROR, G2H, H2G, KIB, MIB, NOT_SUPPORTED, PEER_LOST, TIMEOUT, make_pool, start_pool
