# SPDX-License-Identifier: Apache-2.0
from suites import adopt

adopt(globals(), "test_bm_borders")
