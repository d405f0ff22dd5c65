#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Prefill hands a request's KV cache over to decode, layer by layer, while it computes the next layer.

Two processes, as in a serving system that separates the two phases: each has a paged KV cache, a pool of pages that requests
own scattered parts of. Decode reserves pages for a request and sends their numbers, the block table, to prefill, with the
address of its cache. Prefill writes every layer's pages there as soon as that layer is computed, one batch a layer, and says
so at the end; decode then checks every page. The two talk over a plain pipe here, where a serving system has its own channel;
the cache itself goes through memfabric.TransferEngine.

On two hosts, each process by itself; the port after PORT is the config store's:

    decode$  kv_handoff.py --decode-at ADDRESS:PORT      # its own address
    prefill$ kv_handoff.py --prefill-to ADDRESS:PORT     # the same
"""
import argparse
import dataclasses
import multiprocessing
import multiprocessing.connection
import socket
import statistics
import sys
import time

import memfabric
import numpy as np
from memfabric import TransferEngine

SPAWN = multiprocessing.get_context("spawn")
# Between two hosts: what is sent is unpickled, so that this belongs on a trusted network.
AUTHENTICATION = b"kv_handoff"


@dataclasses.dataclass
class Shape:
    """A model's KV cache; the defaults are of a large model with grouped keys and values."""

    layers: int
    heads: int
    head_size: int
    page_tokens: int
    tokens: int
    spare: float

    @property
    def page_bytes(self):
        """Keys and values of one layer for the tokens of one page, 2 bytes each."""
        return 2 * self.page_tokens * self.heads * self.head_size * 2

    @property
    def request_pages(self):
        return -(-self.tokens // self.page_tokens)

    @property
    def pool_pages(self):
        return int(self.request_pages * self.spare) + 1


def page_content(shape, request, layer, page):
    """What prefill computes for a page: values that differ from page to page and layer to layer."""
    words = shape.page_bytes // 8
    first = np.uint64(((request * 1009 + layer) << 32) + page * words)
    return first + np.arange(words, dtype=np.uint64)


def fail(what, code):
    raise SystemExit(f"{what} failed with code {code}: {memfabric.get_last_err_msg()}")


def check(what, code):
    if code != 0:
        fail(what, code)


def open_engine(url, role, allocator, shape):
    """An engine and its registered cache: one array of pages a layer."""
    engine = TransferEngine()
    session = f"127.0.0.1:{engine.get_rpc_port()}"
    check("initialize", engine.initialize(url, session, role, 0))
    size = (shape.layers, shape.pool_pages, shape.page_bytes // 8)
    cache = engine.allocate(size, np.uint64) if allocator == "pool" else np.zeros(size, np.uint64)
    layers = [cache[layer] for layer in range(shape.layers)]
    begin = time.perf_counter()
    check("batch_register_memory", engine.batch_register_memory(layers, [layer.nbytes for layer in layers]))
    print(f"{role.lower()}: session {session}, {cache.nbytes / 1e6:.0f} MB of cache registered in "
          f"{(time.perf_counter() - begin) * 1e3:.2f} ms", flush=True)
    return engine, session, cache


def decode(url, allocator, shape, requests, pipe):
    memfabric.set_conf_store_tls(False, "")
    engine, session, cache = open_engine(url, "Decode", allocator, shape)
    random = np.random.default_rng(1)
    for request in range(requests):
        table = random.permutation(shape.pool_pages)[:shape.request_pages]
        pipe.send((session, [layer.ctypes.data for layer in cache], table))
        pipe.recv()  # prefill says that the request is complete
        wrong = 0
        for layer in range(shape.layers):
            for page, place in enumerate(table):
                wrong += not np.array_equal(cache[layer, place], page_content(shape, request, layer, page))
        total = shape.layers * shape.request_pages
        print(f"decode: request {request}: {total - wrong} of {total} pages are right", flush=True)
        if wrong:
            raise SystemExit(1)
    pipe.send(None)
    engine.destroy()


def compute(shape, cache, request, layer, table):
    """Stands for the attention kernels: fills the request's pages of one layer."""
    for page, place in enumerate(table):
        cache[layer, place] = page_content(shape, request, layer, page)


def hand_over(engine, shape, cache, request, own_table, offer):
    """Computes and writes layer by layer: while layer n is on its way, layer n + 1 is computed."""
    session, peer_layers, peer_table = offer
    lengths = np.full(shape.request_pages, shape.page_bytes, np.uint64)
    for layer in range(shape.layers):
        compute(shape, cache, request, layer, own_table)
        sources = cache[layer].ctypes.data + own_table.astype(np.uint64) * np.uint64(shape.page_bytes)
        targets = np.uint64(peer_layers[layer]) + peer_table.astype(np.uint64) * np.uint64(shape.page_bytes)
        code = engine.batch_transfer_write_submit(session, sources, targets, lengths)
        check(f"queueing layer {layer}", code)
    check("writing the request", engine.wait())


def time_layers(engine, shape, cache, own_table, offer):
    """The same pages again, one layer at a time and nothing beside: seconds a layer."""
    session, peer_layers, peer_table = offer
    lengths = np.full(shape.request_pages, shape.page_bytes, np.uint64)
    times = []
    for layer in range(shape.layers):
        sources = cache[layer].ctypes.data + own_table.astype(np.uint64) * np.uint64(shape.page_bytes)
        targets = np.uint64(peer_layers[layer]) + peer_table.astype(np.uint64) * np.uint64(shape.page_bytes)
        begin = time.perf_counter()
        check(f"writing layer {layer}", engine.batch_transfer_sync_write(session, sources, targets, lengths))
        times.append(time.perf_counter() - begin)
    return times


def prefill(url, allocator, shape, requests, pipe):
    memfabric.set_conf_store_tls(False, "")
    engine, _, cache = open_engine(url, "Prefill", allocator, shape)
    random = np.random.default_rng(2)
    layer_bytes = shape.request_pages * shape.page_bytes
    for request in range(requests):
        offer = pipe.recv()
        own_table = random.permutation(shape.pool_pages)[:shape.request_pages]
        begin = time.perf_counter()
        hand_over(engine, shape, cache, request, own_table, offer)
        elapsed = time.perf_counter() - begin
        times = time_layers(engine, shape, cache, own_table, offer)
        median = statistics.median(times)
        print(f"prefill: request {request}: {shape.layers} layers of {layer_bytes / 1e6:.2f} MB in "
              f"{shape.request_pages} pages of {shape.page_bytes} bytes; computing and writing {elapsed * 1e3:.1f} ms; "
              f"writing alone {median * 1e3:.3f} ms a layer, {layer_bytes / median / 1e9:.2f} GB/s", flush=True)
        pipe.send(True)
    pipe.recv()
    moved = {path: count["bytes"] for path, count in engine.counters().items() if count["bytes"]}
    print("prefill: bytes by path: " + ", ".join(f"{path} {size}" for path, size in moved.items()), flush=True)
    engine.destroy()


def free_url():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


def address(text):
    host, _, port = text.rpartition(":")
    return host, int(port)


def parse_arguments():
    parser = argparse.ArgumentParser(description="Hands a paged KV cache over from a prefill to a decode process.")
    parser.add_argument("--layers", type=int, default=61)
    parser.add_argument("--heads", type=int, default=8, help="key/value heads")
    parser.add_argument("--head-size", type=int, default=128)
    parser.add_argument("--page-tokens", type=int, default=16, help="tokens a page")
    parser.add_argument("--tokens", type=int, default=2048, help="tokens of a request")
    parser.add_argument("--requests", type=int, default=3)
    parser.add_argument("--spare", type=float, default=1.5, help="pages of the cache for each page of a request")
    parser.add_argument("--memory", choices=["private", "pool"], default="private",
                        help="private: arrays of the program, as a framework's; pool: arrays of the library, that peers map")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--decode-at", type=address, metavar="ADDRESS:PORT", help="only decode, at this address of this host")
    place.add_argument("--prefill-to", type=address, metavar="ADDRESS:PORT", help="only prefill, for decode at that address")
    arguments = parser.parse_args()
    numbers = [arguments.layers, arguments.heads, arguments.head_size, arguments.page_tokens, arguments.tokens, arguments.requests]
    if min(numbers) < 1 or arguments.spare < 1 or arguments.page_tokens * arguments.heads * arguments.head_size % 2:
        parser.error("every number must be at least 1, and a page a multiple of 8 bytes")
    return arguments


def run_both(shape, arguments):
    """Two processes of this host."""
    url = free_url()
    memfabric.set_conf_store_tls(False, "")
    check("create_config_store", memfabric.create_config_store(url))
    ends = SPAWN.Pipe()
    processes = [SPAWN.Process(target=role, args=(url, arguments.memory, shape, arguments.requests, end))
                 for role, end in zip((prefill, decode), ends)]
    for process in processes:
        process.start()
    for end in ends:
        end.close()  # so that each hears when the other is gone
    for process in processes:
        process.join()
    memfabric.uninitialize()
    return all(process.exitcode == 0 for process in processes)


def run_decode(shape, arguments):
    """Serves the config store, and waits for prefill."""
    host, port = arguments.decode_at
    url = f"tcp://{host}:{port + 1}"
    memfabric.set_conf_store_tls(False, "")
    check("create_config_store", memfabric.create_config_store(url))
    with multiprocessing.connection.Listener((host, port), authkey=AUTHENTICATION) as listener:
        print(f"decode: waits for prefill at {host}:{port}", flush=True)
        with listener.accept() as pipe:
            decode(url, arguments.memory, shape, arguments.requests, pipe)
    memfabric.uninitialize()


def connect(place):
    """Decode may start a while later."""
    patience = time.monotonic() + 60
    while True:
        try:
            return multiprocessing.connection.Client(place, authkey=AUTHENTICATION)
        except ConnectionRefusedError:
            if time.monotonic() > patience:
                raise
            time.sleep(0.1)


def run_prefill(shape, arguments):
    host, port = arguments.prefill_to
    with connect((host, port)) as pipe:
        prefill(f"tcp://{host}:{port + 1}", arguments.memory, shape, arguments.requests, pipe)
    memfabric.uninitialize()


def main():
    arguments = parse_arguments()
    shape = Shape(arguments.layers, arguments.heads, arguments.head_size, arguments.page_tokens, arguments.tokens,
                  arguments.spare)
    if arguments.decode_at:
        run_decode(shape, arguments)
    elif arguments.prefill_to:
        run_prefill(shape, arguments)
    else:
        sys.exit(0 if run_both(shape, arguments) else 1)


if __name__ == "__main__":
    main()
