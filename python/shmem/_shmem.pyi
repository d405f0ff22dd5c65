# SPDX-License-Identifier: Apache-2.0
# Private: the package's own modules use it.
from typing import Any

def __getattr__(name: str) -> Any: ...
