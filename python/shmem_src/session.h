// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <Python.h>

#include <cstdint>

namespace memfabric::python {

/// What every call looks at first; written by init and finalize, with the GIL held.
struct Session {
    int n_pes = 0;  // 0: not initialized, and so no PE is in range
    int my_pe = -1;
};

extern Session session;

/// From now on a forked child has no session: it is no PE.
void watch_for_fork();

/// Set a Python exception and return false.
bool refuse_call();                                // not initialized
bool refuse_pe(int pe);                            // not initialized, or the PE out of range
bool refuse_address(const void* address, int pe);  // nothing symmetric there

inline bool pe_is_fine(int pe) {
    return (pe >= 0 && pe < session.n_pes) || refuse_pe(pe);
}

/// Whether `address` is symmetric, so that PE `pe` has it too.
bool address_is_fine(const void* address, int pe);

/// The same of all of `size` bytes.
bool range_is_fine(const void* address, size_t size, int pe);

}  // namespace memfabric::python
