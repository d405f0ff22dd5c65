// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "copy/engine.h"
#include "memory/arena.h"
#include "memory/provider.h"
#include "runtime/attached_window.h"
#include "runtime/process_directory.h"
#include "store/client.h"
#include "transport/mapped/mapped_transport.h"
#include "transport/remote_memory.h"

namespace memfabric {

struct RuntimeConfig {
    Endpoint store;
    std::optional<store::TlsSettings> tls;
    Options options;
};

/// What a process has of one pool: the connection to its config store, its part of the address space, the
/// transports, the copy engine. Made by the first interface that needs it, passed down, shared; ends with its
/// last user or the last view.
class Runtime : public std::enable_shared_from_this<Runtime> {
 public:
    /// Connects to the store, agrees on the arena's base and reserves it.
    static Result<std::shared_ptr<Runtime>> start(RuntimeConfig config, Deadline deadline);
    /// Use start().
    explicit Runtime(RuntimeConfig config);

    const Options& options() const { return config_.options; }
    const Incarnation& incarnation() const { return incarnation_; }
    const std::string& host_id() const { return incarnation_.host_id; }
    store::Client& store() { return *store_; }
    copy::Engine& engine() { return engine_; }
    transport::MappedTransport& mapped() { return *mapped_; }
    /// What reaches processes of other hosts, started by the first call; null where there can be none. Fails
    /// where it was asked for and does not work, or (kMallocFailed: try again) where there is no room for it.
    Result<std::shared_ptr<transport::RemoteMemory>> remote_memory();
    /// Zeros where nothing reaches other hosts.
    transport::FabricCounters fabric_counters();
    /// What this process tells of itself once others can reach it; the fabric's part is empty before.
    ProcessRecord process_record() const;
    memory::MemoryProvider& device_provider() { return *device_provider_; }

    /// Takes part in the object's window and maps what this host's members share of it. Where a view still
    /// holds the window of an earlier object of the same name and shape, it is that window again.
    Result<std::shared_ptr<AttachedWindow>> attach_window(const std::string& object, uint32_t slots,
                                                          const memory::RegionShape& shape,
                                                          Deadline deadline);

    /// Where addresses of all objects lie. Fixed from the first window on.
    memory::AddressRange arena();

    /// Refuses addresses of the arena that are no memory of this host: of other hosts' ranks of any object,
    /// or of none. The range begins in the arena.
    Status check_mapped(uint64_t begin, uint64_t size);

    /// The window, mapped in this process, that the address lies in; null for any other memory.
    std::shared_ptr<AttachedWindow> window_with(uint64_t address);

 private:
    friend class AttachedWindow;
    Result<std::shared_ptr<AttachedWindow>> find_attached(const std::string& object, uint32_t slots,
                                                          const memory::RegionShape& shape);
    Result<std::shared_ptr<AttachedWindow>> attach_once(const std::string& object, uint32_t slots,
                                                        const memory::RegionShape& shape, Deadline deadline);
    void release_window(const std::string& object);
    void announce();
    ProcessRecord record_with_lock() const;
    Status agree_on_arena(Deadline deadline);
    Status agree_with_lock(Deadline deadline);
    Status reserve_arena(memory::AddressRange range);
    /// The base may have moved between init and the first window.
    Status follow_arena(uint64_t window_base, Deadline deadline);
    Result<memory::WindowSegment> obtain_segment(const std::string& object, const memory::Window& window,
                                                 const store::WindowReply& reply, Deadline deadline);
    Result<std::shared_ptr<AttachedWindow>> map_acquired(const std::string& object,
                                                         const memory::Window& window,
                                                         const store::WindowReply& reply, Deadline deadline);
    Status map_window(memory::AddressRange range, const memory::Segment& segment);
    void unmap_window(memory::AddressRange range);

    RuntimeConfig config_;
    Incarnation incarnation_;
    copy::Engine engine_;
    std::unique_ptr<memory::MemoryProvider> device_provider_;
    std::unique_ptr<transport::MappedTransport> mapped_;
    mutable std::mutex remote_mutex_;
    bool remote_tried_ = false;                               // guarded by remote_mutex_
    std::shared_ptr<transport::RemoteMemory> remote_memory_;  // guarded by remote_mutex_
    std::shared_ptr<store::Client> store_;
    std::mutex arena_mutex_;
    std::optional<memory::Arena> arena_;  // guarded by arena_mutex_
    size_t mapped_windows_ = 0;           // guarded by arena_mutex_
    std::mutex windows_mutex_;
    std::map<std::string, std::weak_ptr<AttachedWindow>> windows_;  // by object; guarded by windows_mutex_
    std::atomic<bool> store_is_away_{false};  // a release was not answered: the next ones are not waited for
};

}  // namespace memfabric
