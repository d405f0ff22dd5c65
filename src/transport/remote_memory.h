// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/status.h"
#include "transport/fabric/fabric_types.h"

namespace memfabric::transport {

/// One life of one process on another host. Shared by all that talk with it.
class RemotePeer {
 public:
    virtual ~RemotePeer() = default;
    /// The process is known to be gone: operations on it that are under way, and later ones, fail at once
    /// with `reason`. Never waits.
    virtual void abandon(const Status& reason) = 0;
};

/// Memory of this process that others may read and write until this is destroyed, which waits until nobody
/// does any more.
class ExposedMemory {
 public:
    virtual ~ExposedMemory() = default;
    virtual const RemoteRegion& region() const = 0;
    /// Ends it where the caller knows that nobody is in an operation on it: connections of peers stay as they
    /// are. The destructor has nothing left to do then.
    virtual void retire() {}
};

/// A put or get that goes on without its caller. Must not outlive its transport.
class RemoteTransfer {
 public:
    /// Waits until it has ended, by its deadline at the latest.
    virtual ~RemoteTransfer() = default;
    /// Whether nobody touches the local memory any more; never waits.
    virtual bool is_done() = 0;
    /// What became of it: as put() and get() return it. kTimeout with is_done() false where `deadline` passed
    /// before it has ended: it goes on.
    virtual Status wait(Deadline deadline) = 0;
    /// For a caller who knows that it arrived, or does not care any more: returns when nobody touches the
    /// local memory any more. Of what post() returned, no word is awaited for that.
    virtual void settle() { static_cast<void>(wait(Deadline::never())); }
};

/// A transport that reads and writes memory of other hosts' processes while these do nothing. Any thread may
/// call everything.
class RemoteMemory {
 public:
    virtual ~RemoteMemory() = default;
    /// Where this process is reached; others give it to connect().
    virtual std::string own_address() const = 0;
    virtual Result<std::unique_ptr<ExposedMemory>> expose(std::span<std::byte> memory) = 0;
    /// Whether exposed memory must have all its pages, and keep these very ones, while it is exposed: devices
    /// that move data by themselves know of no others.
    virtual bool pins_pages() const = 0;
    /// Sends nothing yet, never waits. `name` is for texts: "rank 3 on host 'x'".
    virtual Result<std::shared_ptr<RemotePeer>> connect(std::string_view address,
                                                        const std::string& name) = 0;
    /// Success: every byte is in the peer's memory. On return nobody touches the local memory any more.
    virtual Status put(RemotePeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) = 0;
    virtual Status get(RemotePeer& peer, std::span<const FabricPiece> pieces, Deadline deadline) = 0;
    /// Puts or gets without waiting: it goes on by itself and ends by its deadline. The pieces are copied,
    /// the memory that they name is in use until it has ended.
    virtual Result<std::unique_ptr<RemoteTransfer>> begin(RemotePeer& peer, FabricFlow flow,
                                                          std::span<const FabricPiece> pieces,
                                                          Deadline deadline) = 0;
    /// A put for those who mostly learn in another way that it arrived, and settle() it then: nothing comes
    /// back for it at first. What nobody has settled a moment later is put again, then as by begin(): until
    /// it is done or settled the same bytes may be written twice.
    virtual Result<std::unique_ptr<RemoteTransfer>> post(RemotePeer& peer, const FabricPiece& piece,
                                                         Deadline deadline) = 0;
    virtual FabricCounters counters() const = 0;
    /// `listener` is called after foreign operations may have changed this process's memory, on a thread that
    /// moves data: it must be quick and call nothing of this transport. Null ends it: on return it does not
    /// run and never will.
    virtual void on_activity(std::function<void()> listener) = 0;
    /// Lets foreign operations that have come in happen now, on the calling thread: for those who spin until
    /// one changes their memory. Never waits; returns at once where another thread is at it.
    virtual void poll() = 0;

    /// The value before. One coherent set with the atomics of all CPUs of the target's host; applied once, or
    /// where the deadline passed or the peer is lost, at most once.
    virtual Result<uint64_t> atomic(RemotePeer& peer, const RemoteAtomic& atomic, Deadline deadline) = 0;

    /// Success: the peer's process answered.
    virtual Status ping(RemotePeer& peer, Deadline deadline) = 0;

    /// Runs on the progress thread: must not block, and must not call this transport.
    using Service = std::function<std::string(std::string_view request)>;
    /// Answers requests of that number (below 0xffff0000) from now on; null ends it: on return it does not
    /// run and never will.
    virtual void serve(uint32_t service, Service handler) = 0;
    /// The answer of the peer's service; it ran once, or where the call failed, at most once. kNotSupported
    /// where the peer does not serve that number. Payloads and answers have at most 64 KiB.
    virtual Result<std::string> request(RemotePeer& peer, uint32_t service, std::string_view payload,
                                        Deadline deadline) = 0;
};

}  // namespace memfabric::transport
