// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>

#include "runtime/runtime.h"
#include "trans/exposures.h"
#include "trans/region_cache.h"
#include "trans/session_record.h"

namespace memfabric::trans {

/// What a session has to do with those of other hosts: the fabric, which it starts in the background, what it
/// exposes there, what it knows of others' memory, and the answers to their requests. Thread-safe.
class RemoteSessions {
 public:
    RemoteSessions(Runtime& runtime, uint64_t instance, const std::string& session);
    ~RemoteSessions();
    RemoteSessions(const RemoteSessions&) = delete;
    RemoteSessions& operator=(const RemoteSessions&) = delete;

    /// What is known from the beginning: why other hosts cannot reach this session, or nothing yet.
    FabricReach known_reach() const { return {{}, 0, refusal_}; }
    /// Starts the fabric on a thread of its own, which then calls `publish` until it succeeds or the start is
    /// ended.
    void start(Exposures::Load load, std::function<Status(const FabricReach&)> publish);
    /// Returns once `publish` does not run any more. Requests are answered on.
    void end_start();

    /// Waits for the start. kNotSupported says why there is none.
    Result<std::shared_ptr<transport::RemoteMemory>> memory(Deadline deadline);

    Exposures& exposures() { return exposures_; }
    /// Known by the instance of a session's life; kept while anybody uses it, and a while longer.
    std::shared_ptr<RegionCache> cache_of(uint64_t instance);
    /// As targets are to know it. After memory() has succeeded.
    Initiator as_initiator() const;

 private:
    void open_fabric(const Exposures::Load& load, const std::stop_token& stop);
    Result<std::shared_ptr<transport::RemoteMemory>> start_memory(const std::stop_token& stop);
    void run_start(const std::stop_token& stop, const std::function<Status(const FabricReach&)>& publish);
    FabricReach reach();
    std::string answer(std::string_view bytes);

    struct Cache {
        std::shared_ptr<RegionCache> regions;
        std::chrono::steady_clock::time_point used;
    };

    Runtime& runtime_;
    const uint64_t instance_;
    const std::string name_;
    const uint32_t service_;
    const std::string refusal_;  // why there is no fabric here; empty where there is to be one
    std::mutex mutex_;
    std::condition_variable changed_;
    bool is_started_ = false;  // guarded by mutex_, as is what follows
    std::shared_ptr<transport::RemoteMemory> memory_;
    Status problem_;
    std::string address_;
    std::map<uint64_t, Cache> caches_;
    Exposures exposures_;
};

}  // namespace memfabric::trans
