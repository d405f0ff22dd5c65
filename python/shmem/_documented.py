# SPDX-License-Identifier: Apache-2.0
"""The documented functions of heap, transfers and teams."""
from . import _shmem
from ._types import TeamConfig

__all__ = [
    "get_ffts_config",
    "get_ub_params",
    "mte_set_ub_params",
    "my_pe",
    "pe_count",
    "shmem_align",
    "shmem_calloc",
    "shmem_free",
    "shmem_getmem",
    "shmem_getmem_nbi",
    "shmem_info_get_name",
    "shmem_info_get_version",
    "shmem_malloc",
    "shmem_ptr",
    "shmem_putmem",
    "shmem_putmem_nbi",
    "shmem_putmem_signal",
    "shmem_putmem_signal_nbi",
    "shmem_team_get_config",
    "team_destroy",
    "team_my_pe",
    "team_n_pes",
    "team_split_2d",
    "team_split_strided",
    "team_translate_pe",
]

_knobs = {"ub_params": (0, 0, 0), "ffts_config": 0}


def shmem_malloc(size):
    """Bytes of the symmetric heap, at the same place at every PE; collective. The address; 0 where there is no room or size is 0."""
    return _shmem.malloc(size)


def shmem_calloc(nmemb, size):
    """As shmem_malloc() of nmemb * size bytes, zeroed."""
    return _shmem.calloc(nmemb, size)


def shmem_align(alignment, size):
    """As shmem_malloc(), at a multiple of alignment, a power of two."""
    return _shmem.align(alignment, size)


def shmem_free(ptr):
    """Gives up what shmem_malloc(), shmem_calloc() or shmem_align() returned; collective."""
    _shmem.free(ptr)


def shmem_ptr(ptr, peer):
    """Where this process sees PE peer's copy of a symmetric address; 0 where it does not."""
    return _shmem.ptr(ptr, peer)


def my_pe(team=0):
    """This PE's number in the team, by default of all PEs; -1 where it is no member."""
    return _shmem.team_my_pe(team) if team else _shmem.my_pe()


def pe_count(team=0):
    """Number of PEs of the team, by default of all; -1 where there is no such team."""
    return _shmem.team_n_pes(team) if team else _shmem.n_pes()


def team_my_pe(team_id):
    """This PE's number in a team; -1 where it is no member."""
    return my_pe(team_id)


def team_n_pes(team_id):
    """Number of PEs of a team; -1 where there is no such team."""
    return pe_count(team_id)


def team_split_strided(parent, start, stride, size, num_contexts=0):
    """A team of `size` PEs of parent, from `start` on, `stride` apart; collective in parent. -1 for all others, and on failure."""
    return _shmem.team_split_strided(parent, start, stride, size, num_contexts)


def team_split_2d(parent, x_range):
    """Lays parent out in rows of x_range PEs: the pair of the own row's team and the own column's. Collective in parent."""
    return _shmem.team_split_2d(parent, x_range)


def shmem_team_get_config(team):
    """What the team was made with, a TeamConfig."""
    return TeamConfig(_shmem.team_num_contexts(team))


def team_translate_pe(src_team, src_pe, dest_team):
    """The number in dest_team of PE src_pe of src_team; -1 where it is no member."""
    return _shmem.team_translate_pe(src_team, src_pe, dest_team)


def team_destroy(team):
    """Gives a team up; collective in it. Returns 0, and -1 where there is no such team."""
    return _shmem.team_destroy(team)


def shmem_putmem(dst, src, elem_size, pe):
    """Copies elem_size bytes of local memory to PE pe's symmetric dst. In place after a barrier or quiet()."""
    _shmem.putmem(dst, src, elem_size, pe)


def shmem_getmem(dst, src, elem_size, pe):
    """Copies elem_size bytes from PE pe's symmetric src to local memory."""
    _shmem.getmem(dst, src, elem_size, pe)


def shmem_putmem_nbi(dst, src, elem_size, pe):
    """As shmem_putmem(); src may be used again after quiet()."""
    _shmem.putmem_nbi(dst, src, elem_size, pe)


def shmem_getmem_nbi(dst, src, elem_size, pe):
    """As shmem_getmem(); dst is there after quiet()."""
    _shmem.getmem_nbi(dst, src, elem_size, pe)


def shmem_putmem_signal(dst, src, elem_size, sig, signal, sig_op, pe):
    """As shmem_putmem(), then sets PE pe's 32-bit word sig to signal (SIGNAL_SET), or adds it (SIGNAL_ADD)."""
    _shmem.putmem_signal(dst, src, elem_size, sig, signal, sig_op, pe)


def shmem_putmem_signal_nbi(dst, src, elem_size, sig, signal, sig_op, pe):
    """As shmem_putmem_signal(); src may be used again after quiet()."""
    _shmem.putmem_signal_nbi(dst, src, elem_size, sig, signal, sig_op, pe)


def shmem_info_get_version():
    """(major, minor) of the OpenSHMEM specification that is implemented."""
    return _shmem.version()


def shmem_info_get_name():
    """The name of this implementation."""
    return _shmem.name()


def mte_set_ub_params(offset, size, event):
    """Keeps what programs say of a buffer that only NPUs have; get_ub_params() returns it. Returns 0."""
    _knobs["ub_params"] = (offset, size, event)
    return 0


def get_ub_params():
    """What mte_set_ub_params() was given."""
    return _knobs["ub_params"]


def get_ffts_config():
    """0: the task scheduler that it belongs to exists on NPUs only."""
    return _knobs["ffts_config"]
