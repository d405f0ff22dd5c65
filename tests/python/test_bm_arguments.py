# SPDX-License-Identifier: Apache-2.0
"""One rank alone: every spelling of the parameters, every kind of address, and what is refused."""
import ctypes
import gc
import sys

import memfabric
import numpy as np
import pytest
from memfabric import ErrorCode, bm
from ranks import MIB, REGION, free_url, run_threads

H2G, G2H = bm.BmCopyType.H2G, bm.BmCopyType.G2H


def config(**fields):
    made = bm.BmConfig()
    made.init_timeout = 10
    for name, value in fields.items():
        setattr(made, name, value)
    return made


@pytest.fixture(scope="module", autouse=True)
def world():
    assert bm.initialize(free_url(), 1, 0, config(rank_id=0)) == 0, memfabric.get_last_err_msg()
    yield
    bm.uninitialize()


@pytest.fixture
def pool():
    with bm.create(0, REGION) as made:
        made.join()
        yield made


@pytest.fixture
def base(pool):
    return pool.peer_rank_ptr(0)


def test_create_by_position_and_by_name():
    with bm.create(1, REGION, 2 * MIB, bm.BmDataOpType.SDMA, 0) as first:
        assert first.id == 1 and int(first) != 0 and first.local_mem_size() == 6 * MIB
        assert repr(first).startswith("<BigMemory id=1, handle=0x")
    with bm.create(id=1, local_dram_size=REGION, local_hbm_size=0, data_op_type=4, flags=0, member_size=1) as second:
        assert second.local_mem_size() == REGION
    assert int(second) == 0 and repr(second) == "<BigMemory id=1, destroyed>"
    for hint in bm.BmDataOpType:
        bm.create(2, REGION, data_op_type=hint).destroy()


@pytest.mark.parametrize("arguments", [
    (64, REGION), (1, 0), (1, REGION + 1), (1, MIB), (1, 1 << 63), (1, REGION, 0, 1, 0, 2),
])
def test_create_refuses(arguments):
    with pytest.raises(memfabric.Error) as caught:
        bm.create(*arguments)
    assert caught.value.code is ErrorCode.INVALID_PARAM
    assert str(caught.value).startswith(memfabric.get_last_err_msg())


@pytest.mark.parametrize("arguments, error", [
    ((-1, REGION), ValueError), ((1, -1), ValueError), (("1", REGION), TypeError), ((1, 1.0), TypeError), ((1,), TypeError),
])
def test_create_says_what_fits_no_number(arguments, error):
    with pytest.raises(error):
        bm.create(*arguments)


def test_same_id_twice_is_refused(pool):
    with pytest.raises(memfabric.Error) as caught:
        bm.create(0, REGION)
    assert caught.value.code is ErrorCode.DUPLICATED_OBJECT


def test_big_memory_is_made_by_create_alone():
    with pytest.raises(TypeError, match="No constructor"):
        bm.BigMemory()
    with pytest.raises(TypeError):
        bm.BigMemory.copy_data(None, 1, 2, 3)


def test_join_gives_the_address_of_the_own_region():
    with bm.create(3, REGION, 2 * MIB) as pool:
        own = pool.join(flags=0)
        assert own == pool.peer_rank_ptr(0) == pool.peer_rank_ptr(peer_rank=0, mem_type=bm.BmMemType.DEVICE)
        assert pool.peer_rank_ptr(0, bm.BmMemType.HOST) == own + 2 * MIB == pool.peer_rank_ptr(0, 1)
        assert pool.join() == own
        assert (pool.local_mem_size(bm.BmMemType.HOST), pool.local_mem_size(mem_type=0)) == (REGION, 2 * MIB)
        assert pool.get_rank_id_by_gva(own) == pool.get_rank_id_by_gva(gva=own + 6 * MIB - 1) == 0
        assert pool.get_rank_id_by_gva(own + 6 * MIB) == 2**32 - 1
        assert pool.leave(flags=0) is None


def test_leave_before_join_and_calls_after_destroy():
    pool = bm.create(4, REGION)
    with pytest.raises(memfabric.Error) as caught:
        pool.leave()
    assert caught.value.code is ErrorCode.NOT_STARTED
    with pytest.raises(memfabric.Error) as caught:
        pool.copy_data(b"x", pool.peer_rank_ptr(0))
    assert caught.value.code is ErrorCode.NOT_STARTED
    assert pool.destroy() is None and pool.destroy() is None
    for call in (pool.join, pool.leave, pool.wait, lambda: pool.copy_data(1, 2, 3, H2G, 0), lambda: pool.peer_rank_ptr(0),
                 lambda: pool.view(), lambda: pool.register(1, 1), lambda: pool.copy_data_batch([1], [2], [3])):
        with pytest.raises(memfabric.Error) as caught:
            call()
        assert caught.value.code in (ErrorCode.OBJECT_NOT_EXISTS, ErrorCode.INVALID_PARAM)
    assert pool.local_mem_size() == 0


def test_peer_out_of_the_world(pool):
    with pytest.raises(memfabric.Error):
        pool.peer_rank_ptr(1)
    with pytest.raises(memfabric.Error):
        pool.peer_rank_ptr(0, 9)
    with pytest.raises(memfabric.Error):
        pool.peer_rank_ptr(0, bm.BmMemType.DEVICE)
    with pytest.raises(ValueError, match="peer_rank"):
        pool.peer_rank_ptr(65536)


def test_copy_data_by_position_and_by_name(pool, base):
    data = np.arange(100, dtype=np.uint64)
    back = np.zeros_like(data)
    address, size = data.ctypes.data, data.nbytes
    assert pool.copy_data(address, base, size, H2G, 0) == 0
    assert pool.copy_data(base, back.ctypes.data, size, 2) == 0
    assert (back == data).all()
    back[:] = 0
    assert pool.copy_data(src_ptr=address, dst_ptr=base + 4096, size=size, type=bm.BmCopyType.AUTO, flags=0) == 0
    assert pool.copy_data(base + 4096, back.ctypes.data, flags=0, type=G2H, size=size) == 0
    assert (back == data).all()


SOURCES = {
    "bytes": lambda data: data,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "numpy": lambda data: np.frombuffer(data, dtype=np.uint32),
    "numpy 2D": lambda data: np.frombuffer(data, dtype=np.uint8).reshape(8, -1),
    "ctypes array": lambda data: (ctypes.c_char * len(data)).from_buffer_copy(data),
}
POINTERS = {
    "int": lambda array: ctypes.addressof(array),
    "c_void_p": lambda array: ctypes.c_void_p(ctypes.addressof(array)),
    "POINTER": lambda array: ctypes.cast(array, ctypes.POINTER(ctypes.c_uint8)),
    "numpy.uint64": lambda array: np.uint64(ctypes.addressof(array)),
}
DATA = bytes(range(256)) * 16


@pytest.mark.parametrize("kind", SOURCES)
def test_copy_from_every_kind_of_buffer(pool, base, kind):
    assert pool.copy_data(SOURCES[kind](DATA), base) == 0
    assert bytes(pool.buffer(size=len(DATA))) == DATA


@pytest.mark.parametrize("kind", POINTERS)
def test_copy_with_every_kind_of_pointer(pool, base, kind):
    array = (ctypes.c_char * len(DATA)).from_buffer_copy(DATA)
    assert pool.copy_data(POINTERS[kind](array), base, len(DATA), H2G) == 0
    back = (ctypes.c_char * len(DATA))()
    assert pool.copy_data(base, POINTERS[kind](back), len(DATA), G2H) == 0
    assert back.raw == DATA


@pytest.mark.parametrize("make", [bytearray, lambda n: np.zeros(n, np.uint8), lambda n: (ctypes.c_char * n)(),
                                  lambda n: memoryview(bytearray(n))])
def test_copy_into_every_kind_of_buffer(pool, base, make):
    pool.copy_data(DATA, base)
    back = make(len(DATA))
    assert pool.copy_data(base, back) == 0
    assert bytes(back) == DATA


@pytest.mark.parametrize("source, destination, size, error, text", [
    (b"abc", b"abc", None, TypeError, "read-only"),
    (b"abc", np.frombuffer(b"abc", np.uint8), None, TypeError, "read-only"),
    (np.zeros(8)[::2], bytearray(32), None, ValueError, "not contiguous"),
    (bytearray(32), np.zeros(8)[::2], None, ValueError, "not contiguous"),
    (b"abc", bytearray(3), 4, ValueError, "src_ptr: 4 bytes are asked for, the buffer has 3"),
    (b"abcd", bytearray(3), 4, ValueError, "dst_ptr: 4 bytes"),
    (b"abc", bytearray(4), None, ValueError, "give the size"),
    (1, 2, None, TypeError, "size is needed"),
    (None, 2, 3, TypeError, "not NoneType"),
    ("abc", 2, 3, TypeError, "not str"),
    (-1, 2, 3, ValueError, "src_ptr must be 0 to"),
    (1, 1 << 64, 3, ValueError, "dst_ptr must be 0 to"),
    (1, 2, -3, ValueError, "size must be 0 to"),
    (1, 2, 3.5, TypeError, "size must be an int, not float"),
])
def test_copy_data_refuses(pool, source, destination, size, error, text):
    with pytest.raises(error, match=text):
        pool.copy_data(source, destination, size)


@pytest.mark.parametrize("arguments, keywords, text", [
    ((), {}, "missing the argument 'src_ptr'"), ((1,), {}, "missing the argument 'dst_ptr'"),
    ((1, 2, 3, 3, 0, 0), {}, "at most 5"), ((1, 2), {"src_ptr": 1}, "multiple values for argument 'src_ptr'"),
    ((1, 2), {"length": 1}, "unexpected keyword argument 'length'"), ((1, 2, 3, "H2G"), {}, "type must be an int, not str"),
    ((1, 2, 3, 3, None), {}, "flags must be an int"),
])
def test_copy_data_checks_its_arguments(pool, arguments, keywords, text):
    with pytest.raises(TypeError, match=text):
        pool.copy_data(*arguments, **keywords)


@pytest.mark.parametrize("offset, size", [(-1, 8), (REGION - 7, 8), (REGION, 1), (0, 0), (8, (1 << 64) - 8)])
def test_copies_outside_the_window_are_refused(pool, base, offset, size):
    keep = ctypes.create_string_buffer(64)
    with pytest.raises(memfabric.Error) as caught:
        pool.copy_data(ctypes.addressof(keep), base + offset, size, H2G, 0)
    assert caught.value.code is ErrorCode.INVALID_PARAM


@pytest.mark.parametrize("type", [10, 99, 1 << 40])
def test_unknown_copy_types_are_refused(pool, base, type):
    with pytest.raises(memfabric.Error) as caught:
        pool.copy_data(DATA, base, type=type)
    assert caught.value.code is ErrorCode.INVALID_PARAM


def test_last_byte_can_be_copied(pool, base):
    assert pool.copy_data(b"z", base + REGION - 1) == 0
    assert bytes(pool.buffer(offset=REGION - 1)) == b"z"


def test_copy_2d(pool, base):
    rows = np.arange(64, dtype=np.uint8).reshape(8, 8)
    params = bm.CopyData2DParams(src=rows, spitch=8, dest=base, dpitch=16, width=4, height=8)
    assert pool.copy_data_2d(params=params, type=H2G, flags=0) == 0
    assert (pool.view(size=128).reshape(8, 16)[:, :4] == rows[:, :4]).all()
    back = np.zeros((8, 12), np.uint8)
    params.src, params.spitch, params.dest, params.dpitch = base, 16, back[:, 2:6], 12
    assert pool.copy_data_2d(params, G2H) == 0
    assert (back[:, 2:6] == rows[:, :4]).all() and not back[:, :2].any() and not back[:, 6:].any()


@pytest.mark.parametrize("changes, error, text", [
    ({"height": 9}, ValueError, "src: 68 bytes are asked for, the buffer has 64"),
    ({"dest": b"0" * 64}, TypeError, "dest: this bytes is read-only"),
    ({"dest": bytearray(8)}, ValueError, "dest: 116 bytes"),
    ({"src": np.zeros((8, 8), np.uint8)[::-1]}, ValueError, "negative stride"),
    ({"spitch": 3}, memfabric.Error, ""), ({"dpitch": 3}, memfabric.Error, ""), ({"width": 0}, memfabric.Error, ""),
    ({"height": 0}, memfabric.Error, ""), ({"spitch": 1 << 62, "height": 8}, ValueError, "64 bits"),
])
def test_copy_2d_refuses(pool, base, changes, error, text):
    params = bm.CopyData2DParams(np.zeros((8, 8), np.uint8), 8, base, 16, 4, 8)
    for name, value in changes.items():
        setattr(params, name, value)
    with pytest.raises(error, match=text):
        pool.copy_data_2d(params)


def test_copy_2d_wants_its_params(pool):
    with pytest.raises(TypeError):
        pool.copy_data_2d((1, 2, 3, 4, 5, 6))


def test_copy_batch(pool, base):
    data = np.arange(64, dtype=np.uint8)
    pieces = [data[i:i + 4] for i in range(0, 64, 4)]
    places = [base + 1000 + 16 * i for i in range(16)]
    assert pool.copy_data_batch(pieces, places) == 0
    assert (pool.view(offset=1000, size=256).reshape(16, 16)[:, :4].ravel() == data).all()
    back = np.zeros_like(data)
    starts = np.arange(0, 64, 4, dtype=np.uint64) + np.uint64(back.ctypes.data)
    assert pool.copy_data_batch(src_addrs=places, dst_addrs=starts, sizes=[4] * 16, count=15, type=G2H, flags=0) == 0
    assert (back[:60] == data[:60]).all() and not back[60:].any()


@pytest.mark.parametrize("arguments, error, text", [
    (([b"ab"], [], [2]), ValueError, "1 sources, 0 destinations, 1 sizes"),
    (([b"ab"], [bytearray(2)], [3]), ValueError, "src_addrs: 3 bytes"),
    (([b"ab"], [bytearray(2)], [2], 2), ValueError, "count is 2, the lists have 1"),
    (([b"ab"], [b"ab"]), TypeError, "read-only"), ((3, [b"ab"]), TypeError, "not iterable"), (([], []), memfabric.Error, ""),
])
def test_copy_batch_refuses(pool, arguments, error, text):
    with pytest.raises(error, match=text):
        pool.copy_data_batch(*arguments)


def test_batch_checks_all_before_it_copies_any(pool, base):
    with pytest.raises(memfabric.Error):
        pool.copy_data_batch([b"new", b"new"], [base, base + REGION - 1])
    assert bytes(pool.buffer(size=3)) == b"\0\0\0"


def test_asynchronous_copy_keeps_its_buffer_until_wait(pool, base):
    data = bytearray(DATA)
    assert pool.copy_data(data, base, flags=bm.ASYNC_COPY_FLAG) == 0
    with pytest.raises(BufferError):
        data.extend(b"more")
    assert pool.wait() == 0
    data.extend(b"more")
    assert bytes(pool.buffer(size=len(DATA))) == DATA
    array = np.frombuffer(DATA, np.uint8).copy()
    before = sys.getrefcount(array)
    pool.copy_data_batch([array], [base + 8192], flags=bm.ASYNC_COPY_FLAG)
    assert sys.getrefcount(array) > before
    pool.wait()
    assert sys.getrefcount(array) == before
    assert bytes(pool.buffer(offset=8192, size=len(DATA))) == DATA


def test_register_and_unregister(pool):
    data = bytearray(4096)
    assert pool.register(addr=data) == 0
    with pytest.raises(BufferError):
        data.append(1)
    assert pool.unregister(addr=data) == 0
    data.append(1)
    array = np.zeros(4096, np.uint8)
    assert pool.register(array.ctypes.data, size=4096) == 0
    assert pool.unregister(array.ctypes.data) == 0
    with pytest.raises(memfabric.Error) as caught:
        pool.unregister(array.ctypes.data)
    assert caught.value.code is ErrorCode.OBJECT_NOT_EXISTS
    with pytest.raises(ValueError, match="4097 bytes"):
        pool.register(array, 4097)
    with pytest.raises(TypeError, match="size is needed"):
        pool.register(1)


def test_handle_that_is_dropped_is_destroyed():
    pool = bm.create(5, REGION)
    pool.join()
    del pool
    gc.collect()
    bm.create(5, REGION).destroy()


def test_destroy_while_threads_copy():
    pool = bm.create(6, REGION)
    base = pool.join()
    errors = []

    def body(index):
        if index == 0:
            pool.destroy()
            return
        try:
            while True:
                pool.copy_data(DATA, base + index * 8192)
        except memfabric.Error as error:
            errors.append(error.code)

    run_threads(4, body)
    assert len(errors) == 3


def test_gil_is_released_while_copying(pool, base):
    data = np.ones(REGION, np.uint8)

    def body(index):
        for _ in range(20):
            pool.copy_data(data, base)

    run_threads(4, body)
    assert pool.view().all()
