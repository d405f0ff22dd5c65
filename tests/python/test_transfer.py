# SPDX-License-Identifier: Apache-2.0
"""memfabric.TransferEngine in real processes."""
import ctypes
import gc
import importlib
import os
import socket
import threading
import weakref

import memfabric
import numpy as np
import pytest
from memfabric import ErrorCode, TransferEngine, TransferOpcode
from ranks import free_url, run_ranks

SIZE = 1_000_003
PACKAGES = ["memfabric", "mf_adapter", "memfabric_hybrid", "mf_smem"]


def pattern(seed, size=SIZE):
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def meet_at_store(rank):
    memfabric.set_conf_store_tls(False, "")
    if rank.rank == 0:
        assert memfabric.create_config_store(rank.url) == 0, memfabric.get_last_err_msg()
    rank.meet()


def exchange(rank, name, value):
    """Every rank's value, by files."""
    np.save(os.path.join(rank.folder, f"{name}-{rank.rank}.npy"), np.array(value))
    rank.meet()
    return [np.load(os.path.join(rank.folder, f"{name}-{i}.npy"), allow_pickle=False).tolist() for i in range(rank.count)]


def start(rank, role):
    engine = TransferEngine()
    session = f"127.0.0.1:{engine.get_rpc_port()}"
    assert engine.initialize(rank.url, session, role, rank.rank) == 0, memfabric.get_last_err_msg()
    return engine, exchange(rank, "session", session)


def serve_existing_program(rank, package, extra):
    """What an inference server does, with nothing but its own calls."""
    module = importlib.import_module(package)
    meet_at_store(rank)
    engine = module.TransferEngine()
    port = engine.get_rpc_port()
    assert port == engine.get_rpc_port() and port > 0
    session = f"127.0.0.1:{port}"
    arguments = ("sdma", "tag", "tcp://127.0.0.1:1") if extra else ()
    if extra:
        arguments = (module.TransferEngine.TransDataOpType.SDMA, *arguments[1:])
    assert engine.initialize(rank.url, session, "Prefill" if rank.rank == 0 else "Decode", rank.rank, *arguments) == 0
    sessions = exchange(rank, "sessions", session)
    layers = [pattern(rank.rank * 10 + i, 300_001) for i in range(4)]
    assert engine.batch_register_memory([a.ctypes.data for a in layers], [a.nbytes for a in layers]) == 0
    single = pattern(99)
    assert engine.register_memory(single.ctypes.data, single.nbytes) == 0
    addresses = exchange(rank, "addresses", [a.ctypes.data for a in layers] + [single.ctypes.data])
    if rank.rank == 0:
        peer = sessions[1]
        code = engine.batch_transfer_sync_write(peer, [a.ctypes.data for a in layers], addresses[1][:4],
                                                [a.nbytes for a in layers])
        assert code == 0, memfabric.get_last_err_msg()
        assert engine.transfer_sync_write(peer, single.ctypes.data, addresses[1][4], single.nbytes) == 0
    rank.meet()
    if rank.rank == 1:
        for i, layer in enumerate(layers):
            assert (layer == pattern(i, 300_001)).all()
        assert (single == pattern(99)).all()
    assert engine.unregister_memory(single.ctypes.data) == 0
    assert engine.unregister_memory(single.ctypes.data) < 0
    rank.meet()
    engine.destroy()
    engine.unInitialize()


@pytest.mark.parametrize("package", PACKAGES)
def test_an_existing_program_runs_unchanged(package):
    run_ranks(2, serve_existing_program, package, package == "memfabric_hybrid")


def move_all_ways(rank, hosts):
    if hosts > 1:
        os.environ["MF_HOST_ID"] = f"host{rank.rank % hosts}"
    meet_at_store(rank)
    engine, sessions = start(rank, "Prefill" if rank.rank == 0 else "Decode")
    mine = pattern(rank.rank)
    assert engine.register_memory(mine) == 0
    pooled = engine.allocate((1000, 7), np.int32)
    assert pooled.shape == (1000, 7) and not pooled.any() and engine.register_memory(pooled) == 0
    addresses = exchange(rank, "addresses", [mine.ctypes.data, pooled.ctypes.data])
    if rank.rank == 0:
        peer, (private, shared) = sessions[1], addresses[1]
        back = np.zeros(SIZE, np.uint8)
        assert engine.transfer_sync_read(peer, back, private, SIZE) == 0, memfabric.get_last_err_msg()
        assert (back == pattern(1)).all()
        source = bytearray(os.urandom(28_000))
        assert engine.transfer_sync_write(dest_session=peer, buffer=source, peer_buffer=shared, length=28_000) == 0
        got = (ctypes.c_char * 28_000)()
        assert engine.batch_transfer_sync_read(peer, [got], [shared], [28_000]) == 0
        assert bytes(got) == bytes(source)
        starts = np.arange(0, 1000, 13, dtype=np.uint64)
        lengths = np.full(starts.size, 11, np.uint64)
        news = pattern(5, starts.size * 13)
        code = engine.batch_transfer_sync_write(peer, news.ctypes.data + starts, private + starts, lengths)
        assert code == 0, memfabric.get_last_err_msg()
        assert engine.batch_transfer_write_submit(peer, [news[:11]], [private + SIZE - 11], [11]) == 0
        assert engine.transfer_read_submit(peer, back, private, SIZE) == 0
        assert engine.wait() == 0
        expected = pattern(1)
        for begin in starts.tolist():
            expected[begin:begin + 11] = news[begin:begin + 11]
        expected[-11:] = news[:11]
        assert (back == expected).all()
        moved = {path: counter["bytes"] for path, counter in engine.counters().items()}
        total = 56_000 + 2 * SIZE + int(lengths.sum()) + 11
        if hosts == 1:
            assert moved == {"mapped": 56_000, "attach": total - 56_000, "staging": 0, "fabric": 0}
        else:
            assert moved == {"mapped": 0, "attach": 0, "staging": 0, "fabric": total}
    rank.meet()
    engine.destroy()
    pooled[0, 0] = 7  # the view outlives the session
    assert pooled[0, 0] == 7
    del pooled
    gc.collect()


@pytest.mark.parametrize("hosts", [1, 2])
def test_every_way_of_moving_bytes(hosts):
    run_ranks(2, move_all_ways, hosts)


@pytest.fixture
def engine(monkeypatch):
    monkeypatch.setenv("MF_TRANS_TIMEOUT", "100ms")
    memfabric.set_conf_store_tls(False, "")
    url = free_url()
    assert memfabric.create_config_store(url) == 0
    engine = TransferEngine()
    engine.url = url
    assert engine.initialize(url, "127.0.0.1:12345", "Decode", 0) == 0
    yield engine
    engine.destroy()
    memfabric.uninitialize()


def refused(code, *parts):
    text = memfabric.get_and_clear_last_err_msg()
    assert code < 0 and all(part in text for part in parts), (code, text)
    return code


def test_run_time_failures_are_codes(engine):
    buffer = np.zeros(64, np.uint8)
    me = "127.0.0.1:12345"
    refused(engine.initialize(engine.url, "127.0.0.1:12346", "Decode", 0), "initialized already")
    refused(TransferEngine().initialize(engine.url, "127.0.0.1:12346", "prefill", 0), "'prefill'", "Decode")
    refused(TransferEngine().initialize(engine.url, "nonsense", "Prefill", 0), "nonsense")
    refused(TransferEngine().initialize("http://x", "127.0.0.1:12346", "Prefill", 0), "http://x")
    refused(TransferEngine().initialize(engine.url, me, "Prefill", 0), me)
    assert refused(engine.batch_transfer_sync_write(me, [1, 2], [3], [4]), "differ") == ErrorCode.INVALID_PARAM
    assert refused(engine.batch_register_memory([1, 2], [3]), "differ") == ErrorCode.INVALID_PARAM
    refused(engine.batch_transfer_sync_write(me, [], [], []), "empty")
    refused(engine.transfer_sync_write(me, 0, buffer.ctypes.data, 8), "null")
    refused(engine.transfer_sync_write(me, buffer, buffer.ctypes.data, 0), "0")
    assert refused(engine.transfer_sync_write(me, buffer, buffer.ctypes.data, 8), "not registered") == ErrorCode.REFUSED
    assert refused(engine.transfer_sync_write("127.0.0.1:1", buffer, 64, 8), "not there") == ErrorCode.TIMEOUT
    refused(engine.register_memory(0, 8), "null")
    refused(engine.register_memory(2**64 - 4, 8), "address space")
    refused(engine.unregister_memory(8), "0x8")
    other = TransferEngine()
    refused(other.register_memory(buffer), "null")
    with pytest.raises(ValueError):
        engine.transfer_sync_write(me, buffer, buffer.ctypes.data, 65)
    with pytest.raises(TypeError):
        engine.transfer_sync_write(me, "text", buffer.ctypes.data, 8)


def test_a_session_writes_to_itself_and_two_engines_share_a_process(engine):
    other = TransferEngine()
    assert other.initialize(engine.url, "127.0.0.1:12346", "Prefill", 0) == 0
    target, source = np.zeros(1000, np.uint8), pattern(3, 1000)
    assert engine.register_memory(target) == 0
    assert engine.transfer_sync_write("127.0.0.1:12345", source, target.ctypes.data, 500) == 0
    assert other.transfer_sync_write("127.0.0.1:12345", source[500:], target.ctypes.data + 500, 500) == 0
    assert (target == source).all()
    refused(engine.transfer_sync_write("127.0.0.1:12346", source, target.ctypes.data, 8), "not registered")
    other.destroy()


@pytest.mark.parametrize("as_generator", [False, True])
def test_a_queued_buffer_lives_until_wait(engine, as_generator):
    class Array(np.ndarray):
        """One that can be referred to weakly."""

    me = "127.0.0.1:12345"
    target = np.zeros(64, np.uint8)
    assert engine.register_memory(target) == 0
    source = pattern(4, 64).view(Array)
    alive = weakref.ref(source)
    buffers = (buffer for buffer in [source]) if as_generator else [source]
    assert engine.batch_transfer_write_submit(me, buffers, [target.ctypes.data], [64]) == 0
    del source, buffers
    gc.collect()
    assert alive() is not None
    assert engine.wait() == 0
    assert alive() is None and (target == pattern(4, 64)).all()
    assert engine.wait() == 0


def test_lists_of_many_kinds_and_lengths(engine):
    me, count = "127.0.0.1:12345", 100_000
    target, source = np.zeros(count, np.uint8), pattern(6, count)
    assert engine.register_memory(target) == 0
    places = np.random.default_rng(7).permutation(count).astype(np.uint64)
    ones = np.ones(count, np.uint64)
    froms, tos = places + np.uint64(source.ctypes.data), places + np.uint64(target.ctypes.data)
    for convert in (np.asarray, np.ndarray.tolist, lambda array: tuple(array.tolist()), list, lambda array: array.astype(np.int64),
                    lambda array: np.repeat(array, 2)[::2]):
        target[:] = 0
        code = engine.batch_transfer_sync_write(me, convert(froms), convert(tos), convert(ones))
        assert code == 0, memfabric.get_last_err_msg()
        assert (target == source).all()
        target[:] = 0
        assert engine.batch_transfer_write_submit(me, convert(froms), convert(tos), convert(ones)) == 0
        assert engine.wait() == 0
        assert (target == source).all()


def test_library_memory_is_given_back_after_the_session(engine):
    array = engine.allocate((100, 3), np.float32)
    assert engine.register_memory(array) == 0
    part = array[50:]
    engine.destroy()
    del array
    gc.collect()
    part[:] = 1.5
    assert part.sum() == 225
    del part
    gc.collect()


@pytest.mark.parametrize("shape", [-5, (4, -1), [-2, -3]])
def test_an_array_of_less_than_nothing_is_refused(engine, shape):
    with pytest.raises(ValueError, match="negative"):
        engine.allocate(shape)
    assert engine.allocate((0, 3), np.float32).shape == (0, 3)


def test_the_interpreter_goes_on_while_a_write_waits(engine):
    """The write waits in vain for its session; another thread's Python runs meanwhile."""
    code = []
    writer = threading.Thread(target=lambda: code.append(engine.transfer_sync_write("127.0.0.1:1", bytes(8), 64, 8)))
    writer.start()
    turns = 0
    while writer.is_alive():
        turns += 1
    writer.join()
    assert code == [ErrorCode.TIMEOUT] and turns > 1000


def test_the_port_is_held():
    engine = TransferEngine()
    port = engine.get_rpc_port()
    with socket.socket() as probe:
        with pytest.raises(OSError):
            probe.bind(("", port))
    engine.destroy()
    with socket.socket() as probe:
        probe.bind(("", port))


def test_opcodes():
    assert (TransferOpcode.READ, TransferOpcode.Read, TransferOpcode.WRITE, TransferOpcode.Write) == (0, 0, 1, 1)
    assert TransferEngine.TransferOpcode is TransferOpcode
    assert TransferEngine.TransDataOpType.DEVICE_RDMA == 8
