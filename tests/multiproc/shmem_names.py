# SPDX-License-Identifier: Apache-2.0
"""Every function and constant of OpenSHMEM 1.5 for C, worked out from its tables, apart from the library's
headers: with the deprecated ones, and in EXTRAS what other versions have and the library as well."""

FIXED = ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"]
UNSIGNED = ["uchar", "ushort", "uint", "ulong", "ulonglong"]
FLOATING = ["float", "double", "longdouble"]
SIGNED = ["char", "schar", "short", "int", "long", "longlong"]
RMA = FLOATING + SIGNED + UNSIGNED + FIXED + ["size", "ptrdiff"]
AMO = ["int", "long", "longlong", "uint", "ulong", "ulonglong", "int32", "int64", "uint32", "uint64", "size",
       "ptrdiff"]
EXTENDED_AMO = AMO + ["float", "double"]
BITWISE_AMO = ["uint", "ulong", "ulonglong", "int32", "int64", "uint32", "uint64"]
WAIT = AMO + ["short", "ushort"]
BITWISE_REDUCE = UNSIGNED + FIXED + ["size"]
COMPARE_REDUCE = SIGNED + UNSIGNED + FIXED + FLOATING + ["size", "ptrdiff"]
SUM_REDUCE = COMPARE_REDUCE + ["complexf", "complexd"]
TO_ALL = ["short", "int", "long", "longlong"]
SIZES = ["8", "16", "32", "64", "128"]

SETUP = ["init", "init_thread", "query_thread", "finalize", "global_exit", "my_pe", "n_pes", "pe_accessible",
         "addr_accessible", "ptr", "info_get_version", "info_get_name", "pcontrol"]
MEMORY = ["malloc", "calloc", "align", "realloc", "free", "malloc_with_hints"]
TEAMS = ["team_my_pe", "team_n_pes", "team_get_config", "team_translate_pe", "team_split_strided",
         "team_split_2d", "team_destroy", "team_create_ctx", "team_sync"]
CONTEXTS = ["ctx_create", "ctx_get_team", "ctx_destroy", "fence", "ctx_fence", "quiet", "ctx_quiet"]
SYNCHRONISATION = ["barrier_all", "barrier", "sync_all", "sync", "set_lock", "clear_lock", "test_lock",
                   "signal_fetch", "signal_wait_until"]
DEPRECATED = ["wait", "wait_until", "short_wait", "int_wait", "long_wait", "longlong_wait", "clear_cache_inv",
              "set_cache_inv", "clear_cache_line_inv", "set_cache_line_inv", "udcflush", "udcflush_line"]
OLD_NAMES = {"start_pes", "_my_pe", "_num_pes", "shmalloc", "shfree", "shrealloc", "shmemalign"}
EXTRAS = {"signal_set", "signal_add", "ctx_signal_set", "ctx_signal_add"}

CONSTANTS = [
    "SHMEM_MAJOR_VERSION", "SHMEM_MINOR_VERSION", "SHMEM_MAX_NAME_LEN", "SHMEM_VENDOR_STRING",
    "SHMEM_THREAD_SINGLE", "SHMEM_THREAD_FUNNELED", "SHMEM_THREAD_SERIALIZED", "SHMEM_THREAD_MULTIPLE",
    "SHMEM_TEAM_WORLD", "SHMEM_TEAM_SHARED", "SHMEM_TEAM_INVALID", "SHMEM_TEAM_NUM_CONTEXTS",
    "SHMEM_CTX_DEFAULT", "SHMEM_CTX_INVALID", "SHMEM_CTX_SERIALIZED", "SHMEM_CTX_PRIVATE", "SHMEM_CTX_NOSTORE",
    "SHMEM_SIGNAL_SET", "SHMEM_SIGNAL_ADD", "SHMEM_MALLOC_ATOMICS_REMOTE", "SHMEM_MALLOC_SIGNAL_REMOTE",
    "SHMEM_CMP_EQ", "SHMEM_CMP_NE", "SHMEM_CMP_LT", "SHMEM_CMP_LE", "SHMEM_CMP_GT", "SHMEM_CMP_GE",
    "SHMEM_SYNC_VALUE", "SHMEM_SYNC_SIZE", "SHMEM_BCAST_SYNC_SIZE", "SHMEM_REDUCE_SYNC_SIZE",
    "SHMEM_BARRIER_SYNC_SIZE", "SHMEM_COLLECT_SYNC_SIZE", "SHMEM_ALLTOALL_SYNC_SIZE",
    "SHMEM_ALLTOALLS_SYNC_SIZE", "SHMEM_REDUCE_MIN_WRKDATA_SIZE",
    "_SHMEM_MAJOR_VERSION", "_SHMEM_MINOR_VERSION", "_SHMEM_MAX_NAME_LEN", "_SHMEM_VENDOR_STRING",
    "_SHMEM_CMP_EQ", "_SHMEM_CMP_NE", "_SHMEM_CMP_LT", "_SHMEM_CMP_LE", "_SHMEM_CMP_GT", "_SHMEM_CMP_GE",
    "_SHMEM_SYNC_VALUE", "_SHMEM_BCAST_SYNC_SIZE", "_SHMEM_REDUCE_SYNC_SIZE", "_SHMEM_BARRIER_SYNC_SIZE",
    "_SHMEM_COLLECT_SYNC_SIZE", "_SHMEM_REDUCE_MIN_WRKDATA_SIZE",
]  # fmt: skip


def with_context(names):
    return [form for name in names for form in (name, f"ctx_{name}")]


def with_nbi(names):
    return with_context([form for name in names for form in (name, f"{name}_nbi")])


def transfers():
    for name in RMA:
        yield from with_nbi([f"{name}_put", f"{name}_get", f"{name}_put_signal"])
        yield from with_context([f"{name}_{form}" for form in ("p", "g", "iput", "iget")])
    for size in SIZES:
        yield from with_nbi([f"put{size}", f"get{size}", f"put{size}_signal"])
        yield from with_context([f"iput{size}", f"iget{size}"])
    yield from with_nbi(["putmem", "getmem", "putmem_signal"])


def atomics():
    for name in EXTENDED_AMO:
        yield from with_nbi([f"{name}_atomic_fetch", f"{name}_atomic_swap"])
        yield from with_context([f"{name}_atomic_set"])
    for name in AMO:
        fetching = ("compare_swap", "fetch_inc", "fetch_add")
        yield from with_nbi([f"{name}_atomic_{form}" for form in fetching])
        yield from with_context([f"{name}_atomic_inc", f"{name}_atomic_add"])
    for name in BITWISE_AMO:
        for operation in ("and", "or", "xor"):
            yield from with_nbi([f"{name}_atomic_fetch_{operation}"])
            yield from with_context([f"{name}_atomic_{operation}"])
    for name in ("int", "long", "longlong"):
        yield from (f"{name}_{form}" for form in ("cswap", "finc", "inc", "fadd", "add"))
    for name in ("int", "long", "longlong", "float", "double"):
        yield from (f"{name}_{form}" for form in ("fetch", "set", "swap"))


def collectives():
    moves = ("alltoall", "alltoalls", "broadcast", "collect", "fcollect")
    yield from (f"{name}_{move}" for name in RMA for move in moves)
    yield from (f"{move}{kind}" for kind in ("mem", "32", "64") for move in moves)
    yield from (f"{name}_{op}_reduce" for name in BITWISE_REDUCE for op in ("and", "or", "xor"))
    yield from (f"{name}_{op}_reduce" for name in COMPARE_REDUCE for op in ("max", "min"))
    yield from (f"{name}_{op}_reduce" for name in SUM_REDUCE for op in ("sum", "prod"))
    yield from (f"{name}_{op}_to_all" for name in TO_ALL for op in ("and", "or", "xor"))
    yield from (f"{name}_{op}_to_all" for name in TO_ALL + FLOATING for op in ("max", "min"))
    complex_too = TO_ALL + FLOATING + ["complexf", "complexd"]
    yield from (f"{name}_{op}_to_all" for name in complex_too for op in ("sum", "prod"))


def waits():
    for name in WAIT:
        for kind in ("wait_until", "test"):
            yield f"{name}_{kind}"
            yield from (f"{name}_{kind}_{form}" for form in ("all", "any", "some"))
            yield from (f"{name}_{kind}_{form}_vector" for form in ("all", "any", "some"))


def functions():
    """Without their prefix shmem_."""
    plain = SETUP + MEMORY + TEAMS + CONTEXTS + SYNCHRONISATION + DEPRECATED
    return {*plain, *transfers(), *atomics(), *collectives(), *waits()}
