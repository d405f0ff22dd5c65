# SPDX-License-Identifier: Apache-2.0
"""Start and end: how the PEs find each other."""
import ipaddress
import os
import socket
import struct

import memfabric

from . import _shmem
from ._types import ErrorCode, InitAttr, InitStatus, OptionalAttr, check_attributes

__all__ = [
    "last_problem",
    "shmem_finalize",
    "shmem_finialize",
    "shmem_get_unique_id",
    "shmem_global_exit",
    "shmem_init",
    "shmem_init_status",
    "shmem_init_using_unique_id",
    "shmem_set_attributes",
    "shmem_set_data_op_engine_type",
    "shmem_set_timeout",
]

_CODES = {
    memfabric.ErrorCode.OK: ErrorCode.OK,
    memfabric.ErrorCode.INVALID_PARAM: ErrorCode.INVALID_PARAM,
    memfabric.ErrorCode.NOT_INITIALIZED: ErrorCode.NOT_INITED,
    memfabric.ErrorCode.TIMEOUT: ErrorCode.TIMEOUT,
    memfabric.ErrorCode.STORE_TIMEOUT: ErrorCode.BOOTSTRAP,
    memfabric.ErrorCode.STORE_SOCKET: ErrorCode.BOOTSTRAP,
}

_UNIQUE_ID_SIZE = 128
_UNIQUE_ID_VERSION = (1 << 16) + _UNIQUE_ID_SIZE

_last_problem = ""


def _code_of(code):
    return int(_CODES.get(code, ErrorCode.SMEM_ERROR))


def _refused(code, problem):
    global _last_problem
    _last_problem = problem
    return int(code)


def last_problem():
    """Why the last initialisation failed."""
    return _last_problem


def _start(attributes):
    """0 or an ErrorCode. PE 0 serves the store, unless it runs."""
    if _shmem.init_status() == InitStatus.INITIALIZED:
        return 0
    problem = check_attributes(attributes)
    if problem:
        return _refused(ErrorCode.INVALID_PARAM, problem)
    options = attributes.option_attr
    code = _shmem.init(attributes.my_rank, attributes.n_ranks, attributes.local_mem_size, attributes.ip_port,
                       options.shm_init_timeout, options.shm_create_timeout, options.control_operation_timeout)
    return 0 if code == 0 else _refused(_code_of(code), memfabric.get_last_err_msg())


def shmem_init(*args, **kwargs):
    """shmem_init(mype, npes, mem_size) -> int
    shmem_init(attributes) -> int

    Makes this process PE mype of npes, with mem_size bytes of symmetric heap. Returns 0 or an ErrorCode.

    Without attributes the store is where SHMEM_MASTER_ADDR and SHMEM_MASTER_PORT say, else where `mf run` has it (MF_STORE_URL), else at
    MASTER_ADDR and MASTER_PORT + 11. PE 0 serves it, unless it runs. A second call while initialised changes nothing.
    """
    names = ("attributes",) if len(args) + len(kwargs) == 1 else ("mype", "npes", "mem_size")
    given = dict(zip(names, args))
    if len(args) > len(names) or set(given) & set(kwargs) or set(given) | set(kwargs) != set(names):
        raise TypeError("shmem_init() takes (mype, npes, mem_size) or (attributes)")
    given |= kwargs
    if names == ("attributes",):
        return _start(given["attributes"])
    url = _shmem.store_of_environment()
    if not url:
        return _refused(ErrorCode.INVALID_PARAM, "no store is named: set SHMEM_MASTER_ADDR and SHMEM_MASTER_PORT, or MASTER_ADDR and "
                                                 "MASTER_PORT, or start the program with mf run")
    attributes = InitAttr()
    attributes.my_rank, attributes.n_ranks, attributes.local_mem_size = given["mype"], given["npes"], given["mem_size"]
    attributes.ip_port = url
    return _start(attributes)


def shmem_finalize():
    """Waits for all PEs and gives the symmetric heap up. A second call does nothing."""
    _shmem.finalize()


shmem_finialize = shmem_finalize  # as the interface has always spelled it


def shmem_init_status():
    """How far this process is, an InitStatus."""
    return InitStatus(_shmem.init_status())


def shmem_set_attributes(my_rank, n_ranks, local_mem_size, ip_port, attributes):
    """Fills an InitAttr in, with the defaults of its option_attr. Returns 0; raises memfabric.Error where a value cannot be."""
    filled = InitAttr()
    filled.my_rank, filled.n_ranks, filled.local_mem_size, filled.ip_port = my_rank, n_ranks, local_mem_size, ip_port
    problem = check_attributes(filled) if isinstance(attributes, InitAttr) else check_attributes(attributes)
    if problem:
        raise memfabric.Error(f"shmem_set_attributes: {problem}", memfabric.ErrorCode.INVALID_PARAM)
    for name in ("my_rank", "n_ranks", "local_mem_size", "ip_port"):
        setattr(attributes, name, getattr(filled, name))
    attributes.option_attr = OptionalAttr()
    return 0


def _one_value(name, args, kwargs):
    """The value that is called `vaue` in the interface's own spelling."""
    if len(args) == 1 and not kwargs:
        return args[0]
    if not args and len(kwargs) == 1 and set(kwargs) <= {"vaue", "value"}:
        return next(iter(kwargs.values()))
    raise TypeError(f"{name}() takes (attributes, vaue)")


def shmem_set_data_op_engine_type(attributes, *args, **kwargs):
    """shmem_set_data_op_engine_type(attributes, vaue) -> int

    Sets the engine, an OpEngineType, in an InitAttr. `value` is accepted as well. Returns 0.
    """
    from ._types import OpEngineType

    attributes.option_attr.data_op_engine_type = OpEngineType(_one_value("shmem_set_data_op_engine_type", args, kwargs))
    return 0


def shmem_set_timeout(attributes, *args, **kwargs):
    """shmem_set_timeout(attributes, vaue) -> int

    Sets all three timeouts of an InitAttr, in seconds. `value` is accepted as well. Returns 0, or an ErrorCode where it is below 1.
    """
    seconds = _one_value("shmem_set_timeout", args, kwargs)
    if not 0 < seconds < 1 << 32:
        return _refused(ErrorCode.INVALID_VALUE, f"a timeout of {seconds} seconds: 1 to 4294967295 is possible")
    options = attributes.option_attr
    options.shm_init_timeout = options.shm_create_timeout = options.control_operation_timeout = seconds
    return 0


def _interface_address(wanted):
    """The address of SHMEM_UID_SOCK_IFNAME, "name:inet4" or "name:inet6"."""
    import fcntl

    name, _, family = wanted.partition(":")
    if family in ("", "inet4"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            get_address = 0x8915  # SIOCGIFADDR
            answer = fcntl.ioctl(probe.fileno(), get_address, struct.pack("256s", name.encode()[:15]))
        return socket.inet_ntoa(answer[20:24])
    with open("/proc/net/if_inet6", encoding="ascii") as table:
        for line in table:
            address, *_, interface = line.split()
            if interface == name:
                return f"[{ipaddress.IPv6Address(bytes.fromhex(address))}]"
    raise OSError(f"interface {name} has no {family} address")


def _serve_store():
    """Serves a store in this process; its URL."""
    session = os.environ.get("SHMEM_UID_SESSION_ID")
    if session:
        url = session if session.startswith("tcp://") else f"tcp://{session}"
        code = memfabric.create_config_store(url)
        if code != 0:
            raise memfabric.Error(memfabric.get_last_err_msg(), code)
        return url
    interface = os.environ.get("SHMEM_UID_SOCK_IFNAME")
    host = _interface_address(interface) if interface else "127.0.0.1"
    attempts = 20
    for attempt in range(attempts):
        family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
        with socket.socket(family) as probe:
            probe.bind((host.strip("[]"), 0))
            url = f"tcp://{host}:{probe.getsockname()[1]}"
        code = memfabric.create_config_store(url)
        if code == 0:
            return url
        if code != memfabric.ErrorCode.RESOURCE_IN_USE or attempt == attempts - 1:
            raise memfabric.Error(memfabric.get_last_err_msg(), code)
    raise AssertionError("unreachable")


def shmem_get_unique_id():
    """128 bytes by which PEs find each other: one PE calls it and hands them to the others.

    It starts a config store at SHMEM_UID_SESSION_ID (ip:port), else on the interface SHMEM_UID_SOCK_IFNAME (name:inet4 or name:inet6),
    else on this host alone.
    """
    text = _serve_store().encode()
    return struct.pack(f"<i{_UNIQUE_ID_SIZE - 4}s", _UNIQUE_ID_VERSION, text)


def shmem_init_using_unique_id(mype, npes, mem_size, uid):
    """As shmem_init(), with the store that shmem_get_unique_id() has started. Returns 0 or an ErrorCode."""
    if len(uid) != _UNIQUE_ID_SIZE or struct.unpack_from("<i", uid)[0] != _UNIQUE_ID_VERSION:
        return _refused(ErrorCode.INVALID_PARAM, f"uid has {len(uid)} bytes and is not what shmem_get_unique_id() returns")
    attributes = InitAttr()
    attributes.my_rank, attributes.n_ranks, attributes.local_mem_size = mype, npes, mem_size
    attributes.ip_port = bytes(uid[4:]).rstrip(b"\0").decode()
    return _start(attributes)


def shmem_global_exit(status):
    """Ends all PEs with that status, from any of them and any thread. Does not return."""
    _shmem.global_exit(status)
