// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <thread>

#include "base/mapping.h"
#include "memory/address_range.h"
#include "memory/segment.h"
#include "trans/staging_layout.h"

namespace memfabric::trans {

/// The target's side of the staging ring: copies between the ring and the program's memory on behalf of
/// initiators that the kernel keeps from doing it themselves. Its thread is started by the first of them and
/// sleeps while there is nothing to do.
class StagingServer {
 public:
    /// Whether every byte of the range is registered.
    using Covers = std::function<bool(memory::AddressRange)>;

    static Result<std::unique_ptr<StagingServer>> create(const std::string& name, Covers covers);
    ~StagingServer();
    StagingServer(const StagingServer&) = delete;
    StagingServer& operator=(const StagingServer&) = delete;
    /// Use create().
    StagingServer(memory::Segment segment, Mapping header, Covers covers);

    int descriptor() const { return segment_.descriptor(); }
    /// Somebody is about to use it. Cheap to repeat.
    void start();

    /// Returns once no request that was checked before the call is being applied any more.
    void drain() { const std::lock_guard lock(serving_); }

 private:
    void run(const std::stop_token& stop);
    bool serve_all();
    bool serve_lane(uint32_t lane);
    bool serve(uint32_t lane, uint32_t index, staging::Cell& cell);
    staging::Answer apply(uint32_t lane, uint32_t index, const staging::Request& request);
    staging::Header& header() const { return *reinterpret_cast<staging::Header*>(header_.data()); }
    staging::Cell* cells_of(uint32_t lane);

    memory::Segment segment_;
    Mapping header_;
    Covers covers_;
    std::mutex serving_;                 // held from the check of a request to its last byte
    std::map<uint32_t, Mapping> lanes_;  // the control parts; of the thread alone
    std::unique_ptr<staging::Request> copy_ = std::make_unique<staging::Request>();
    std::mutex start_mutex_;
    std::jthread thread_;  // last: it uses all of the above
};

}  // namespace memfabric::trans
