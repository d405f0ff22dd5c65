// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/mapping.h"
#include "runtime/process_directory.h"
#include "runtime/runtime.h"

namespace memfabric {

/// How a process is reached from this one.
struct ProbeWay {
    std::string interface;      // that has our address; empty where none has
    std::string local_address;  // ours
    std::string address;        // the peer's: "10.0.0.2:4711"
};

struct ProbePeer {
    ProcessRecord record;
    bool same_host = false;      // then by shared memory, and the fields below are empty
    std::string provider;        // of libfabric
    std::vector<ProbeWay> ways;  // that are used, at least one
};

/// This process as one that looks into the fabric of a config store: who is there, by which path, how fast.
/// One thread at a time.
class FabricProbe {
 public:
    /// Joins the fabric. `memory` bytes are offered to others to read and write; 0: none.
    static Result<std::unique_ptr<FabricProbe>> open(std::shared_ptr<Runtime> runtime, uint64_t memory,
                                                     Deadline deadline);

    const ProcessRecord& own() const { return own_; }
    /// All other processes that are announced now. Numbers of peers, as below, are places in it, and stay
    /// good: who comes later is appended, who has gone is told by `present`.
    Status refresh(Deadline deadline);
    const std::vector<ProbePeer>& peers() const { return peers_; }
    bool present(size_t peer) const { return present_[peer]; }

    /// The peer's process has answered. A failure says why not, also what the network says.
    Status ping(size_t peer, Deadline deadline);

    struct Piece {
        std::byte* local;
        uint64_t offset;  // in the memory that the peer offers
        size_t size;
    };
    Status copy(size_t peer, bool to_peer, const std::vector<Piece>& pieces, Deadline deadline);
    /// Adds to the 8 bytes at the offset; returns what was there.
    Result<uint64_t> add(size_t peer, uint64_t offset, uint64_t value, Deadline deadline);

 private:
    FabricProbe(std::shared_ptr<Runtime> runtime, std::shared_ptr<transport::RemoteMemory> fabric)
        : runtime_(std::move(runtime)), fabric_(std::move(fabric)) {}
    Status offer(uint64_t size);
    ProbePeer describe(const ProcessRecord& record) const;
    Status check_offer(size_t peer, uint64_t offset, uint64_t size) const;
    Result<transport::RemotePeer*> connected(size_t peer);

    std::shared_ptr<Runtime> runtime_;
    std::shared_ptr<transport::RemoteMemory> fabric_;
    ProcessRecord own_;
    Mapping memory_;
    std::unique_ptr<transport::ExposedMemory> exposed_;
    std::vector<ProbePeer> peers_;
    std::vector<bool> present_;
    std::vector<std::shared_ptr<transport::RemotePeer>> connections_;  // as peers_; null until first used
};

}  // namespace memfabric
