# SPDX-License-Identifier: Apache-2.0
"""The transfer engine: register any memory, and write and read that of a peer, named by its session "host:port".

    engine = TransferEngine()
    session = f"{host}:{engine.get_rpc_port()}"
    engine.initialize(store_url, session, "Prefill", device_id)
    engine.register_memory(buffer, capacity)
    engine.transfer_sync_write(peer_session, buffer, peer_address, length)
"""
import enum
import json
import math
import socket

from . import _core
from ._errors import ErrorCode

__all__ = ["TransferEngine", "TransferOpcode"]

_NO_DEVICE = 0xFFFF_FFFF
_ROLES = {"Prefill": 1, "Decode": 2}


class TransferOpcode(enum.IntEnum):
    """Direction of a transfer."""

    READ = 0
    WRITE = 1
    Read = 0
    Write = 1


class TransDataOpType(enum.IntEnum):
    """Hints on how to move data, as newer programs give them; this library chooses by itself."""

    SDMA = 1
    HOST_RDMA = 2
    HOST_TCP = 4
    DEVICE_RDMA = 8


def _refuse(text):
    return _core.trans_report(ErrorCode.INVALID_PARAM, text)


def _is_array(buffers):
    try:
        memoryview(buffers)
    except TypeError:
        return False
    return True


def _views_of(buffers):
    """What keeps the buffers among `buffers`, the others being addresses, as they are while a transfer is queued."""
    if not isinstance(buffers, (list, tuple)):
        return []  # an array of addresses
    views = []
    for buffer in buffers:
        if not isinstance(buffer, int):
            try:
                views.append(memoryview(buffer))
            except TypeError:  # a number of some other type, or refused below with a text of its own
                continue
    return views


class TransferEngine:
    """One transfer session of this process.

    Every method returns 0, or a code below 0 whose text memfabric.get_last_err_msg() gives; run-time failures raise nothing.
    A TypeError or ValueError means a call that is wrong in itself. Addresses are ints, or objects with a buffer (numpy
    arrays, bytearrays, ctypes); addresses of the peer are the peer's own. All methods may be called from any threads; those
    that block release the GIL.
    """

    TransferOpcode = TransferOpcode
    TransDataOpType = TransDataOpType

    def __init__(self):
        self._handle = 0
        self._port = None
        self._queued = []

    def initialize(self, store_url, unique_id=None, role="Prefill", device_id=0, data_op_type=TransDataOpType.SDMA, tag="",
                   url="", *, session_id=None):
        """Opens the session `unique_id` ("host:port") at the config store "tcp://host:port", which runs already.

        role is "Prefill" or "Decode"; both may register, write and read. device_id, data_op_type, tag and url are accepted
        and change nothing here. Blocks until the store answers, at most two minutes. session_id is another name of unique_id.
        """
        session = unique_id if session_id is None else session_id
        if self._handle:
            return _refuse(f"initializing a transfer engine: it is initialized already, as session {self._session}")
        if role not in _ROLES:
            return _refuse(f"initializing a transfer engine: role {role!r} is unknown, write \"Prefill\" or \"Decode\"")
        if not isinstance(store_url, str) or not isinstance(session, str):
            raise TypeError("store_url and unique_id must be str")
        device = device_id if 0 <= device_id <= _NO_DEVICE else _NO_DEVICE
        handle = _core.trans_create(store_url, session, _ROLES[role], device)
        if handle == 0:
            return _core.trans_last_code()
        self._handle, self._session = handle, session
        return 0

    def get_rpc_port(self):
        """A TCP port that this engine holds, and so nobody else gets, until destroy(); for the session's name. May be called
        before initialize(); always the same port. 0 where none is free."""
        if self._port is None:
            holder = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            try:
                holder.bind(("", 0))
            except OSError:
                holder.close()
                return 0
            self._port = holder
        return self._port.getsockname()[1]

    def register_memory(self, buffer_addr, capacity=None):
        """Lets peers write and read [buffer_addr, buffer_addr + capacity). The memory must live until unregister_memory()."""
        return _core.trans_register(self._handle, buffer_addr, capacity)

    def batch_register_memory(self, buffer_addrs, capacities):
        """Registers all ranges, or none where one of them cannot be."""
        return _core.trans_batch_register(self._handle, buffer_addrs, capacities)

    def unregister_memory(self, buffer_addr):
        """Undoes the last registration that began at this address; returns when no transfer uses the memory any more."""
        return _core.trans_deregister(self._handle, buffer_addr)

    def transfer_sync_write(self, destflag=None, buffer=None, peer_buffer_address=None, length=None, flags=0, *,
                            dest_session=None, peer_buffer=None):
        """Writes `length` bytes of local memory to a peer's; 0 means that they are there.

        A session or address that is not there yet is waited for, up to MF_TRANS_TIMEOUT.
        """
        return _core.trans_transfer(self._handle, True, destflag if dest_session is None else dest_session, buffer,
                                    peer_buffer_address if peer_buffer is None else peer_buffer, length)

    def transfer_sync_read(self, destflag=None, buffer=None, peer_buffer_address=None, length=None, flags=0, *,
                           dest_session=None, peer_buffer=None):
        """Reads `length` bytes of a peer's memory into local memory. Otherwise as transfer_sync_write()."""
        return _core.trans_transfer(self._handle, False, destflag if dest_session is None else dest_session, buffer,
                                    peer_buffer_address if peer_buffer is None else peer_buffer, length)

    def batch_transfer_sync_write(self, destflag=None, buffers=None, peer_buffer_addresses=None, lengths=None, flags=0, *,
                                  dest_session=None, peer_buffers=None):
        """Writes pieces; all are checked before the first is written. Lists, tuples, or numpy arrays of 64-bit integers."""
        return _core.trans_batch(self._handle, True, destflag if dest_session is None else dest_session, buffers,
                                 peer_buffer_addresses if peer_buffers is None else peer_buffers, lengths, False)

    def batch_transfer_sync_read(self, destflag=None, buffers=None, peer_buffer_addresses=None, lengths=None, flags=0, *,
                                 dest_session=None, peer_buffers=None):
        """Reads pieces; all are checked before the first is read."""
        return _core.trans_batch(self._handle, False, destflag if dest_session is None else dest_session, buffers,
                                 peer_buffer_addresses if peer_buffers is None else peer_buffers, lengths, False)

    def transfer_write_submit(self, dest_session, buffer, peer_buffer, length, stream=0, flags=0):
        """Queues a write and returns; wait() ends it. The buffer must stay as it is until then."""
        return self._submit(True, dest_session, [buffer], [peer_buffer], [length])

    def transfer_read_submit(self, dest_session, buffer, peer_buffer, length, stream=0, flags=0):
        """Queues a read and returns; wait() ends it."""
        return self._submit(False, dest_session, [buffer], [peer_buffer], [length])

    def batch_transfer_write_submit(self, dest_session, buffers, peer_buffers, lengths, stream=0, flags=0):
        """Queues a batch of writes and returns; wait() ends it."""
        return self._submit(True, dest_session, buffers, peer_buffers, lengths)

    def batch_transfer_read_submit(self, dest_session, buffers, peer_buffers, lengths, stream=0, flags=0):
        """Queues a batch of reads and returns; wait() ends it."""
        return self._submit(False, dest_session, buffers, peer_buffers, lengths)

    def _submit(self, writes, session, buffers, peer_buffers, lengths):
        if not isinstance(buffers, (list, tuple)) and not _is_array(buffers):
            buffers = tuple(buffers)  # what can be gone through only once
        views = _views_of(buffers)
        code = _core.trans_batch(self._handle, writes, session, buffers, peer_buffers, lengths, True)
        if code == 0:
            self._queued.extend(views)
        return code

    def wait(self, stream=0):
        """Waits for all that was queued before; the code of the first that failed since the last wait."""
        queued, self._queued = self._queued, []  # another thread may queue more meanwhile
        code = _core.trans_wait(self._handle)
        queued.clear()
        return code

    def allocate(self, shape, dtype="uint8"):
        """A zeroed numpy array in memory that peers on this host copy to and from directly, once it is registered.

        The memory goes back, and its registrations with it, with the last view of the array. Raises memfabric.Error where
        there is no memory.
        """
        import numpy as np  # the package does without, where nobody asks for arrays

        dtype = np.dtype(dtype)
        lengths = shape if isinstance(shape, (tuple, list)) else (int(shape),)
        if any(length < 0 for length in lengths):
            raise ValueError(f"shape {shape} has a negative length")
        count = math.prod(lengths)
        memory = _core.TransferMemory(self._handle, max(count * dtype.itemsize, 1))
        return np.frombuffer(memory, dtype=np.uint8)[:count * dtype.itemsize].view(dtype).reshape(shape)

    def counters(self):
        """What this engine has moved as initiator: {"mapped": {"operations": n, "bytes": n}, "attach": ..., "staging": ...}."""
        return json.loads(_core.trans_counters(self._handle))

    def destroy(self):
        """Closes the session; transfers that run end first. A second call does nothing."""
        handle, self._handle = self._handle, 0
        if handle:
            _core.trans_destroy(handle)
        self._queued.clear()
        if self._port is not None:
            self._port.close()
            self._port = None

    def unInitialize(self):
        """The same as destroy()."""
        self.destroy()

    def __del__(self):
        if getattr(self, "_handle", 0) or getattr(self, "_port", None):
            self.destroy()
