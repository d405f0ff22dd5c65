# SPDX-License-Identifier: Apache-2.0
"""Collectives, waits and atomics, with the types of numpy arrays."""
import numpy

from . import _shmem

__all__ = [
    "CMP_EQ",
    "CMP_GE",
    "CMP_GT",
    "CMP_LE",
    "CMP_LT",
    "CMP_NE",
    "SIGNAL_ADD",
    "SIGNAL_SET",
    "TEAM_INVALID",
    "TEAM_WORLD",
    "alltoall",
    "atomic_add",
    "atomic_and",
    "atomic_compare_swap",
    "atomic_fetch",
    "atomic_fetch_add",
    "atomic_fetch_and",
    "atomic_fetch_inc",
    "atomic_fetch_or",
    "atomic_fetch_xor",
    "atomic_inc",
    "atomic_or",
    "atomic_set",
    "atomic_swap",
    "atomic_xor",
    "barrier",
    "barrier_all",
    "broadcast",
    "collect",
    "fcollect",
    "fence",
    "quiet",
    "reduce",
    "signal_wait_until",
    "sync",
    "test",
    "wait_until",
]

TEAM_INVALID = -1
TEAM_WORLD = 0
SIGNAL_SET, SIGNAL_ADD = 0, 1
CMP_EQ, CMP_NE, CMP_GT, CMP_GE, CMP_LT, CMP_LE = range(6)


def _element(place, dtype, default=None):
    """The dtype that is given, or the array's own."""
    own = getattr(place, "dtype", default)
    if dtype is None and own is None:
        raise TypeError("dtype is needed where the address is a plain number")
    return numpy.dtype(own if dtype is None else dtype)


def _kind(element):
    return f"{element.kind}{element.itemsize}"


def _bytes(place, nbytes):
    if nbytes is None and not hasattr(place, "nbytes"):
        raise TypeError("nbytes is needed where the address is a plain number")
    return place.nbytes if nbytes is None else nbytes


def _check(what, code):
    if code != 0:
        raise RuntimeError(f"{what} failed with {code}: the team's PEs must all call it, with the same sizes")


def barrier_all():
    """Waits for all PEs; what any of them wrote before is visible to all afterwards."""
    _shmem.barrier_all()


def barrier(team=TEAM_WORLD):
    """The same among the PEs of a team."""
    if team == TEAM_WORLD:
        _shmem.barrier_all()
    else:
        _shmem.quiet()
        sync(team)


def sync(team=TEAM_WORLD):
    """Waits for the PEs of a team; says nothing about what was written."""
    if team == TEAM_WORLD:
        _shmem.sync_all()
    else:
        _check("sync", _shmem.team_sync(team))


def quiet():
    """Returns when everything that this PE has put is in place."""
    _shmem.quiet()


def fence():
    """Puts to a PE before it are in place before puts to that PE after it."""
    _shmem.fence()


def wait_until(ivar, cmp, value, dtype=None):
    """Waits until the own symmetric variable compares (CMP_EQ, ...) to value. 32 and 64 bits; addresses are int64 unless dtype says."""
    _shmem.wait_until(ivar, cmp, value, _kind(_element(ivar, dtype, "int64")), False)


def test(ivar, cmp, value, dtype=None):
    """Whether wait_until() would return at once."""
    return _shmem.wait_until(ivar, cmp, value, _kind(_element(ivar, dtype, "int64")), True)


def signal_wait_until(sig, cmp, value):
    """Waits for a signal word, of 32 bits, and returns what it has become."""
    wait_until(sig, cmp, value, "uint32")
    return _shmem.shmem_uint32_atomic_fetch(sig, _shmem.my_pe())


def broadcast(dest, source, root=0, team=TEAM_WORLD, nbytes=None):
    """Copies the source of PE root (its number in the team) into dest at every PE of the team. Both are symmetric."""
    _check("broadcast", _shmem.broadcast(team, dest, source, _bytes(source, nbytes), root))


def fcollect(dest, source, team=TEAM_WORLD, nbytes=None):
    """The sources of all PEs of the team, of the same size, one after the other, in dest at every one. Both are symmetric."""
    _check("fcollect", _shmem.fcollect(team, dest, source, _bytes(source, nbytes)))


def collect(dest, source, team=TEAM_WORLD, nbytes=None, total=None):
    """As fcollect(), of sources whose sizes may differ; together they have `total` bytes, by default those of dest."""
    _check("collect", _shmem.collect(team, dest, source, _bytes(source, nbytes), _bytes(dest, total)))


def alltoall(dest, source, team=TEAM_WORLD, nbytes=None):
    """Part i of PE j's source becomes part j of PE i's dest. nbytes is the size of one part; both are symmetric."""
    if nbytes is None:
        nbytes, rest = divmod(_bytes(source, None), max(1, _shmem.team_n_pes(team)))
        if rest:
            raise ValueError(f"source has {source.nbytes} bytes, which are no equal parts for {_shmem.team_n_pes(team)} PEs")
    _check("alltoall", _shmem.alltoall(team, dest, source, nbytes))


def reduce(dest, source, op="sum", team=TEAM_WORLD, count=None, dtype=None):
    """Combines the sources of all PEs of the team element by element into dest at every one: sum, prod, min, max, and, or, xor."""
    element = _element(source, dtype)
    if element.kind == "c" and op == "sum":
        parts = _bytes(source, None if count is None else count * element.itemsize) // (element.itemsize // 2)
        _check("reduce", _shmem.reduce(team, dest, source, parts, f"f{element.itemsize // 2}", op))
        return
    if count is None:
        count = _bytes(source, None) // element.itemsize
    _check("reduce", _shmem.reduce(team, dest, source, count, _kind(element), op))


_NAMES = {"i4": "int32", "i8": "int64", "u4": "uint32", "u8": "uint64", "f4": "float", "f8": "double"}


def _atomic(operation, place, dtype, *arguments):
    kind = _kind(_element(place, dtype, "int64"))
    function = getattr(_shmem, f"shmem_{_NAMES.get(kind)}_atomic_{operation}", None)
    if function is None:
        raise TypeError(f"there is no atomic {operation} of elements of type '{kind}'")
    return function(place, *arguments)


def atomic_fetch(source, pe, dtype=None):
    """Reads PE pe's element atomically. Plain addresses are int64 unless dtype says."""
    return _atomic("fetch", source, dtype, pe)


def atomic_set(dest, value, pe, dtype=None):
    """Writes PE pe's element atomically."""
    _atomic("set", dest, dtype, value, pe)


def atomic_swap(dest, value, pe, dtype=None):
    """Writes PE pe's element and returns what was there."""
    return _atomic("swap", dest, dtype, value, pe)


def atomic_compare_swap(dest, cond, value, pe, dtype=None):
    """Writes PE pe's element where cond is found; returns what was there."""
    return _atomic("compare_swap", dest, dtype, cond, value, pe)


def atomic_inc(dest, pe, dtype=None):
    """Adds 1 to PE pe's element."""
    _atomic("inc", dest, dtype, pe)


def atomic_fetch_inc(dest, pe, dtype=None):
    """Adds 1 to PE pe's element and returns what was there."""
    return _atomic("fetch_inc", dest, dtype, pe)


def atomic_add(dest, value, pe, dtype=None):
    """Adds to PE pe's element."""
    _atomic("add", dest, dtype, value, pe)


def atomic_fetch_add(dest, value, pe, dtype=None):
    """Adds to PE pe's element and returns what was there."""
    return _atomic("fetch_add", dest, dtype, value, pe)


def atomic_and(dest, value, pe, dtype=None):
    """Clears the bits of PE pe's element that value has not."""
    _atomic("and", dest, dtype, value, pe)


def atomic_fetch_and(dest, value, pe, dtype=None):
    """As atomic_and(), and returns what was there."""
    return _atomic("fetch_and", dest, dtype, value, pe)


def atomic_or(dest, value, pe, dtype=None):
    """Sets the bits of PE pe's element that value has."""
    _atomic("or", dest, dtype, value, pe)


def atomic_fetch_or(dest, value, pe, dtype=None):
    """As atomic_or(), and returns what was there."""
    return _atomic("fetch_or", dest, dtype, value, pe)


def atomic_xor(dest, value, pe, dtype=None):
    """Turns the bits of PE pe's element that value has."""
    _atomic("xor", dest, dtype, value, pe)


def atomic_fetch_xor(dest, value, pe, dtype=None):
    """As atomic_xor(), and returns what was there."""
    return _atomic("fetch_xor", dest, dtype, value, pe)
