// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "base/handle_table.h"
#include "smem_trans_def.h"
#include "trans/engine.h"

namespace memfabric::capi {

/// Sessions of one process at a time.
inline constexpr size_t kMaxTransSessions = 2048;
using TransTable = HandleTable<trans::Engine, kMaxTransSessions, 3>;

/// What the functions of smem_trans.h share in one process. Never destroyed: threads of the program may still
/// be inside when it exits.
class TransProcess {
 public:
    static TransProcess& instance();

    TransTable& engines() { return engines_; }

    Result<TransTable::Handle> open(const std::string& store_url, const std::string& session,
                                    Deadline deadline);
    /// Waits for the transfers that run, up to the engine's own timeout.
    Status close(TransTable::Handle handle);
    void close_all();

 private:
    bool is_open(const std::string& session, const std::shared_ptr<Runtime>& runtime);

    TransTable engines_;
    std::mutex control_mutex_;  // open and close: one at a time
};

inline TransTable::Handle from_trans_handle(smem_trans_t handle) {
    return reinterpret_cast<uintptr_t>(handle);
}

inline smem_trans_t to_trans_handle(TransTable::Handle handle) {
    return reinterpret_cast<smem_trans_t>(static_cast<uintptr_t>(handle));
}

}  // namespace memfabric::capi
