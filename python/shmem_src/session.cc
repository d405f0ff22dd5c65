// SPDX-License-Identifier: Apache-2.0
#include "session.h"

#include <pthread.h>
#include <shmem.h>

namespace memfabric::python {

Session session;

void watch_for_fork() {
    static const int registered = pthread_atfork(nullptr, nullptr, [] { session = {}; });
    static_cast<void>(registered);
}

bool refuse_call() {
    PyErr_SetString(PyExc_RuntimeError,
                    "SHMEM is not initialized in this process, or finalized already, or the process was "
                    "forked: call shmem_init first");
    return false;
}

bool refuse_pe(int pe) {
    if (session.n_pes == 0) {
        return refuse_call();
    }
    PyErr_Format(PyExc_ValueError, "PE %d is outside 0 to %d", pe, session.n_pes - 1);
    return false;
}

bool refuse_address(const void* address, int pe) {
    PyErr_Format(
        PyExc_ValueError,
        "address %p is not symmetric, so PE %d has nothing there: take it from shmem_malloc, or from an "
        "array of shmem.array",
        address, pe);
    return false;
}

bool address_is_fine(const void* address, int pe) {
    return shmem_addr_accessible(address, pe) != 0 || refuse_address(address, pe);
}

bool range_is_fine(const void* address, size_t size, int pe) {
    const char* const begin = static_cast<const char*>(address);
    return size == 0 || (address_is_fine(begin, pe) && address_is_fine(begin + size - 1, pe));
}

}  // namespace memfabric::python
