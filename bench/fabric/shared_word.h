// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "smem_shm.h"

namespace memfabric::bench {

/// A word in the symmetric memory of the other one of two ranks, which a running config store connects; what
/// OpenSHMEM's atomics are made of. Failures are exceptions that carry the library's text.
class SharedWord {
 public:
    /// Returns when both ranks are there.
    SharedWord(const std::string& url, uint32_t rank);
    ~SharedWord();
    SharedWord(const SharedWord&) = delete;
    SharedWord& operator=(const SharedWord&) = delete;

    /// Adds 1 to the peer's word; returns what was there.
    uint64_t fetch_add() const;

 private:
    smem_shm_t handle_ = nullptr;
    char* peer_word_ = nullptr;
};

}  // namespace memfabric::bench
