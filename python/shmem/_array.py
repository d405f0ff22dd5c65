# SPDX-License-Identifier: Apache-2.0
"""numpy arrays on the symmetric heap."""
import ctypes
import math

import numpy

from . import _shmem


def _on_memory(address, dtype, shape):
    size = dtype.itemsize * math.prod(shape)
    return numpy.frombuffer((ctypes.c_char * size).from_address(address), dtype).reshape(shape)


class SymmetricArray(numpy.ndarray):
    """An array that every PE has at the same place of its symmetric heap; made by shmem.array(). Slices of it that are contiguous
    know their peers as well."""

    def _place(self):
        if not self.flags.c_contiguous:
            raise ValueError("this slice is not contiguous: PEs reach contiguous memory only")
        return self.ctypes.data

    def on(self, pe):
        """The same array at PE pe, without a copy: its reads and writes are loads and stores in that PE's memory."""
        place = _shmem.ptr(self._place(), pe)
        if place == 0 and _shmem.my_pe() < 0:
            raise RuntimeError("SHMEM is not initialized in this process, or finalized already, or the process was forked")
        if place == 0:
            raise ValueError(f"PE {pe} does not exist, or lives on another host (put and get reach it), or this array is not symmetric")
        return _on_memory(place, self.dtype, self.shape)

    def put(self, pe, values):
        """Copies values, of this array's shape or one that broadcasts to it, into PE pe's array."""
        source = numpy.ascontiguousarray(numpy.broadcast_to(numpy.asarray(values, self.dtype), self.shape))
        _shmem.putmem(self._place(), source, self.nbytes, pe)

    def get(self, pe):
        """A copy of PE pe's array."""
        copied = numpy.empty(self.shape, self.dtype)
        _shmem.getmem(copied, self._place(), self.nbytes, pe)
        return copied

    def free(self):
        """Gives the memory up; collective. Neither this array nor any slice of it may be used afterwards."""
        _shmem.free(self._place())


def array(shape, dtype="float64", fill=None):
    """A SymmetricArray, zeroed or filled with `fill`. Collective: every PE calls it with the same shape and dtype."""
    element = numpy.dtype(dtype)
    if element.hasobject:
        raise TypeError(f"dtype {element} has Python objects, which other PEs cannot read")
    dimensions = (shape,) if isinstance(shape, (int, numpy.integer)) else tuple(shape)
    size = element.itemsize * math.prod(dimensions)
    if size == 0:
        raise ValueError(f"an array of shape {dimensions} has no bytes")
    address = _shmem.calloc(size, 1)
    if address == 0:
        raise MemoryError(f"the symmetric heap has no {size} bytes in one piece: give shmem_init more")
    made = _on_memory(address, element, dimensions).view(SymmetricArray)
    if fill is not None:
        made[...] = fill
    _shmem.barrier_all()
    return made
