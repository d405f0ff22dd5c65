// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <vector>

#include "base/fd.h"

namespace memfabric::transport {

/// A socket of this process, whoever opened it: libfabric gives no access to its own.
struct OwnSocket {
    int descriptor = -1;
    ino_t inode = 0;  // its identity: the number may be given anew at any time
};

/// Those that are open now. Only their names are looked at: nobody's descriptor is used.
std::vector<OwnSocket> own_sockets();

/// The socket under a number of our own, which nobody else closes. Not open where it is gone.
Fd hold(const OwnSocket& socket);

/// Calls `use(descriptor, socket)` with each that is open now; the descriptor is such a number, for the call.
template <typename Use>
void for_own_sockets(const Use& use) {
    for (const OwnSocket& socket : own_sockets()) {
        if (const Fd held = hold(socket); held.is_open()) {
            use(held.get(), socket);
        }
    }
}

}  // namespace memfabric::transport
