// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/status.h"

namespace memfabric::transport {

/// To be held by whoever opens something of libfabric, from before its first call to after its last object.
/// What runs short while the library is loaded, and its providers register themselves, is missing in it for
/// good: so it is loaded anew where all that was begun with it before has failed.
class LibfabricUse {
 public:
    LibfabricUse();
    ~LibfabricUse();
    LibfabricUse(const LibfabricUse&) = delete;
    LibfabricUse& operator=(const LibfabricUse&) = delete;

    /// It works: the library stays as it is, for as long as the process lives.
    static void keep();
};

/// Why the library is not there.
Status check_libfabric();

}  // namespace memfabric::transport
