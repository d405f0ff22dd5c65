// SPDX-License-Identifier: Apache-2.0
#include "trans/remote_sessions.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>

#include "base/fork_guard.h"
#include "base/log.h"
#include "base/thread.h"
#include "runtime/fabric_memory.h"

namespace memfabric::trans {
namespace {

/// A session that nobody has transferred with for this long has no transfer under way that a target could
/// ask for: every one ends by its timeout, and forgotten regions are asked for again.
constexpr auto kKeepCaches = std::chrono::minutes(10);
constexpr size_t kManyCaches = 1024;
constexpr std::chrono::milliseconds kTryAgain{100};  // what there was no room for

/// Each session of a process has a number of its own; the transport's own begin far above.
uint32_t next_service() {
    static std::atomic<uint32_t> next{0x10000};
    return next.fetch_add(1, std::memory_order_relaxed);
}

/// The threads on which sessions start the fabric. A process that ends while libfabric is being loaded, whose
/// ends and beginnings then run at the same time, would crash: its exit waits for them.
class Starts {
 public:
    static Starts& instance() {
        static Starts* const starts = std::make_unique<Starts>().release();
        return *starts;
    }
    Starts() {
        // Where there is no room for the handler, an exit just does not wait.
        static_cast<void>(std::atexit([] { instance().end_all(); }));
    }

    void begin(const RemoteSessions* owner, std::function<void(std::stop_token)> body) {
        const std::lock_guard lock(mutex_);
        threads_[owner] = start_thread("mf-trans-fabric", std::move(body));
    }
    /// Its thread has ended when this returns, also where the process's exit ends it just now.
    void end(const RemoteSessions* owner) {
        const std::lock_guard lock(mutex_);
        threads_.erase(owner);
    }

 private:
    void end_all() {
        if (!in_forked_child()) {  // there they never were
            const std::lock_guard lock(mutex_);
            threads_.clear();
        }
    }

    std::mutex mutex_;
    std::map<const RemoteSessions*, std::jthread> threads_;  // guarded by mutex_
};

std::string refusal_of(Runtime& runtime) {
    if (wants_fabric(runtime.options(), runtime.store().local_address())) {
        return {};
    }
    return runtime.options().text(OptionId::kFabric) == "off"
               ? "MF_FABRIC is off there"
               : "its config store is reached over loopback, so it expects no other hosts (MF_FABRIC=on or "
                 "MF_HOST_ID say otherwise)";
}

}  // namespace

RemoteSessions::RemoteSessions(Runtime& runtime, uint64_t instance, const std::string& session)
    : runtime_(runtime),
      instance_(instance),
      name_(fmt::format("session {} (process {} on host '{}')", session, ::getpid(), runtime.host_id())),
      service_(next_service()),
      refusal_(refusal_of(runtime)),
      exposures_(instance) {}

RemoteSessions::~RemoteSessions() {
    end_start();
    std::shared_ptr<transport::RemoteMemory> memory;
    {
        const std::lock_guard lock(mutex_);
        memory = memory_;
    }
    if (memory != nullptr) {
        memory->serve(service_, nullptr);
    }
}

void RemoteSessions::start(Exposures::Load load, std::function<Status(const FabricReach&)> publish) {
    if (!refusal_.empty()) {
        return;
    }
    Starts::instance().begin(
        this, [this, load = std::move(load), publish = std::move(publish)](const std::stop_token& stop) {
            if (!is_started_) {
                open_fabric(load, stop);
            }
            run_start(stop, publish);
        });
}

/// For as long as there is no room for it, others wait as for one that has just begun.
Result<std::shared_ptr<transport::RemoteMemory>> RemoteSessions::start_memory(const std::stop_token& stop) {
    for (;;) {
        Result<std::shared_ptr<transport::RemoteMemory>> started = runtime_.remote_memory();
        if (started.status().code() != Code::kMallocFailed || stop.stop_requested()) {
            return started;
        }
        std::unique_lock lock(mutex_);
        if (problem_.is_ok()) {
            log_warn("{}: other hosts cannot be reached yet: {}", name_, started.status().message());
        }
        problem_ = started.status();
        std::condition_variable_any().wait_for(lock, stop, kTryAgain, [] { return false; });
    }
}

void RemoteSessions::open_fabric(const Exposures::Load& load, const std::stop_token& stop) {
    Result<std::shared_ptr<transport::RemoteMemory>> started = start_memory(stop);
    const bool works = started.is_ok() && *started != nullptr;
    if (works) {
        // Not under the lock, which the answers take.
        exposures_.start(*started, load);
        (*started)->serve(service_, [this](std::string_view bytes) { return answer(bytes); });
    }
    {
        const std::lock_guard lock(mutex_);
        if (works) {
            memory_ = std::move(started).value();
            address_ = memory_->own_address();
        } else {
            problem_ = started.is_ok()
                           ? failure(Code::kNotSupported, "the fabric does not work there; its log says why")
                           : started.status();
        }
        is_started_ = true;
    }
    changed_.notify_all();
}

FabricReach RemoteSessions::reach() {
    const std::lock_guard lock(mutex_);
    return memory_ == nullptr ? FabricReach{{}, 0, problem_.message()} : FabricReach{address_, service_, {}};
}

void RemoteSessions::run_start(const std::stop_token& stop,
                               const std::function<Status(const FabricReach&)>& publish) {
    const FabricReach reached = reach();
    while (!stop.stop_requested() && runtime_.store().is_usable()) {
        const Status published = publish(reached);
        if (published.is_ok()) {
            return;
        }
        log_info("other hosts do not know yet how to reach {}: {}", name_, published.message());
    }
}

void RemoteSessions::end_start() {
    if (refusal_.empty()) {
        Starts::instance().end(this);
    }
}

Result<std::shared_ptr<transport::RemoteMemory>> RemoteSessions::memory(Deadline deadline) {
    if (!refusal_.empty()) {
        return failure(Code::kNotSupported, "this process reaches no other hosts: {}", refusal_);
    }
    std::unique_lock lock(mutex_);
    const auto is_started = [this] { return is_started_; };
    if (deadline.is_never()) {
        changed_.wait(lock, is_started);
    } else if (!changed_.wait_until(lock, deadline.when(), is_started)) {
        const bool is_short = problem_.code() == Code::kMallocFailed;  // and was, however often it was tried
        return failure(is_short ? Code::kMallocFailed : Code::kTimeout,
                       "the fabric did not start here by the deadline{}{}", problem_.is_ok() ? "" : ": ",
                       problem_.message());
    }
    return memory_ == nullptr ? Result<std::shared_ptr<transport::RemoteMemory>>(problem_) : memory_;
}

Initiator RemoteSessions::as_initiator() const {
    return {instance_, address_, service_, name_};
}

std::shared_ptr<RegionCache> RemoteSessions::cache_of(uint64_t instance) {
    const std::lock_guard lock(mutex_);
    const auto now = std::chrono::steady_clock::now();
    if (caches_.size() >= kManyCaches) {
        std::erase_if(caches_, [&](const auto& entry) {
            return entry.second.regions.use_count() == 1 && now - entry.second.used > kKeepCaches;
        });
    }
    Cache& cache = caches_[instance];
    cache.used = now;
    if (cache.regions == nullptr) {
        cache.regions = std::make_shared<RegionCache>();
    }
    return cache.regions;
}

std::string RemoteSessions::answer(std::string_view bytes) {
    Result<RemoteRequest> request = decode_request(bytes);
    if (!request.is_ok()) {
        return encode(RegionsAnswer{RegionsOutcome::kFailed,
                                    {},
                                    static_cast<int32_t>(request.status().code()),
                                    request.status().message(),
                                    {}});
    }
    if (const auto* regions = std::get_if<RegionsRequest>(&*request)) {
        return encode(exposures_.answer(*regions));
    }
    const auto& revoke = std::get<RevokeRequest>(*request);
    if (revoke.initiator != instance_) {
        return encode(RevokeAnswer{false, true});  // whom the target means has ended, how is not known
    }
    std::shared_ptr<RegionCache> cache;
    {
        const std::lock_guard lock(mutex_);
        const auto known = caches_.find(revoke.target);
        cache = known == caches_.end() ? nullptr : known->second.regions;
    }
    // What was never asked for, or is used no more, is free.
    return encode(cache == nullptr ? RevokeAnswer{} : cache->revoke(revoke.keys));
}

}  // namespace memfabric::trans
