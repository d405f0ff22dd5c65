# SPDX-License-Identifier: Apache-2.0
"""The enumerations and attribute classes of shmem."""
import enum

_MAX_URL = 64


class OpEngineType(enum.IntEnum):
    """Data operation engines; a hint."""

    MTE = 1
    SDMA = 2
    ROCE = 4


class InitStatus(enum.IntEnum):
    """How far this process is."""

    NOT_INITIALIZED = 0
    SHM_CREATED = 1
    INITIALIZED = 2
    INVALID = 0x7FFFFFFF


class ErrorCode(enum.IntEnum):
    """What functions return that return a code; memfabric.get_last_err_msg() has the reason."""

    OK = 0
    INVALID_PARAM = -1
    INVALID_VALUE = -2
    SMEM_ERROR = -3
    INNER = -4
    NOT_INITED = -5
    BOOTSTRAP = -6
    TIMEOUT = -7


class _Attributes:
    """Named values, with a repr and comparison."""

    _names: tuple = ()

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self._names)})"

    def __eq__(self, other):
        if type(other) is not type(self):
            return NotImplemented
        return all(getattr(self, name) == getattr(other, name) for name in self._names)

    __hash__ = None  # type: ignore[assignment]


class OptionalAttr(_Attributes):
    """Engine and timeouts (seconds) of an initialisation; made with the defaults."""

    _names = ("version", "data_op_engine_type", "shm_init_timeout", "shm_create_timeout", "control_operation_timeout")

    def __init__(self):
        self.version = 1 << 16
        self.data_op_engine_type = OpEngineType.MTE
        self.shm_init_timeout = 120
        self.shm_create_timeout = 120
        self.control_operation_timeout = 120


class InitAttr(_Attributes):
    """What shmem_init(attributes) needs to know; shmem_set_attributes() fills it in."""

    _names = ("my_rank", "n_ranks", "ip_port", "local_mem_size", "option_attr")

    def __init__(self):
        self.my_rank = 0
        self.n_ranks = 0
        self.ip_port = ""
        self.local_mem_size = 0
        self.option_attr = OptionalAttr()


class TeamConfig(_Attributes):
    """How many contexts a team can have at a time."""

    _names = ("num_contexts",)

    def __init__(self, num_contexts=0):
        self.num_contexts = num_contexts


def check_attributes(attributes):
    """The first thing in an InitAttr that cannot be, as a sentence; None where all is well."""
    if not isinstance(attributes, InitAttr):
        return f"attributes must be an InitAttr, not {type(attributes).__name__}"
    if not 0 < attributes.n_ranks:
        return f"n_ranks {attributes.n_ranks} is no number of PEs"
    if not 0 <= attributes.my_rank < attributes.n_ranks:
        return f"my_rank {attributes.my_rank} is outside 0 to {attributes.n_ranks - 1}"
    if attributes.local_mem_size <= 0:
        return f"local_mem_size {attributes.local_mem_size} is no size"
    if not 0 < len(attributes.ip_port) < _MAX_URL:
        return f"ip_port '{attributes.ip_port}' must have 1 to {_MAX_URL - 1} characters, such as tcp://ip:port"
    return None
