#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The metric py_batch_122: a batch write of 122 pieces from Python lists, against the same call of the C function."""
import argparse
import ctypes
import json
import multiprocessing
import os
import socket
import statistics
import time

import memfabric
import numpy as np
from memfabric import TransferEngine

LAYERS, LARGE, SMALL, SLOT = 61, 128 << 10, 16 << 10, 192 << 10
SIZE = 1 << 30
SESSION = "127.0.0.1:7101"
SPAWN = multiprocessing.get_context("spawn")


def free_url():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def be_target(url, pipe):
    engine = TransferEngine()
    assert engine.initialize(url, SESSION, "Decode", 0) == 0, memfabric.get_last_err_msg()
    memory = np.ones(SIZE, np.uint8)
    assert engine.register_memory(memory) == 0
    pipe.send(memory.ctypes.data)
    pipe.recv()
    engine.destroy()


def pieces(source, target):
    buffers, peers, lengths = [], [], []
    for layer in range(LAYERS):
        for offset, size in ((0, LARGE), (LARGE, SMALL)):
            buffers.append(source + layer * SLOT + offset)
            peers.append(target + layer * 23 % LAYERS * SLOT + offset)
            lengths.append(size)
    return buffers, peers, lengths


def open_in_c(url, session):
    """The library as a C program sees it, and a session of its own."""
    library = ctypes.CDLL(os.path.join(memfabric.get_lib_path(), "libmemfabric.so.1"))
    library.smem_trans_create.restype = ctypes.c_void_p

    class Config(ctypes.Structure):
        _fields_ = [("role", ctypes.c_int), ("initTimeout", ctypes.c_uint32), ("deviceId", ctypes.c_uint32),
                    ("flags", ctypes.c_uint32)]

    config = Config()
    library.smem_trans_config_init(ctypes.byref(config))
    return library, ctypes.c_void_p(library.smem_trans_create(url.encode(), session.encode(), ctypes.byref(config)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=101, help="samples of each contender")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    url = free_url()
    assert memfabric.create_config_store(url) == 0
    here, there = SPAWN.Pipe()
    process = SPAWN.Process(target=be_target, args=(url, there))
    process.start()
    target = here.recv()
    engine = TransferEngine()
    assert engine.initialize(url, "127.0.0.1:7102", "Prefill", 0) == 0
    memory = np.ones(SIZE, np.uint8)
    library, handle = open_in_c(url, "127.0.0.1:7103")
    samples = {"python": [], "c": []}
    place = 0
    for round_number in range(arguments.rounds + 1):
        for which in ("python", "c") if round_number % 2 else ("c", "python"):
            buffers, peers, lengths = pieces(memory.ctypes.data + place, target + place)
            if which == "python":
                begin = time.perf_counter()
                code = engine.batch_transfer_sync_write(SESSION, buffers, peers, lengths)
            else:
                count = len(lengths)
                arrays = [(ctypes.c_void_p * count)(*buffers), (ctypes.c_void_p * count)(*peers),
                          (ctypes.c_size_t * count)(*lengths)]
                begin = time.perf_counter()
                code = library.smem_trans_batch_write(handle, arrays[0], SESSION.encode(), arrays[1], arrays[2], count)
            elapsed = time.perf_counter() - begin
            assert code == 0, memfabric.get_last_err_msg()
            place = 0 if place + 2 * LAYERS * SLOT > SIZE else place + LAYERS * SLOT
            if round_number > 0:  # the first is the warm-up
                samples[which].append(elapsed)
    here.send(None)
    process.join()
    engine.destroy()
    value, reference = (statistics.median(samples[which]) * 1e6 for which in ("python", "c"))
    if arguments.json:
        print(json.dumps({"metric": "py_batch_122", "value": value, "unit": "us", "reference": reference,
                          "ratio": reference / value}))
    else:
        print(f"py_batch_122\t{value:.4g}\tus\t{reference:.4g}\t{reference / value:.3f}")


if __name__ == "__main__":
    main()
