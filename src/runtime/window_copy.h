// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "copy/engine.h"
#include "memory/window.h"
#include "runtime/remote_members.h"

namespace memfabric {

/// Copies that may touch ranks of other hosts: between ordinary memory (this host's ranks included) and a
/// rank of another host, or between two of those. For one call; the members are those of `table`, whatever
/// happens meanwhile. The ranges of one call do not overlap. Success: every byte is in place. On return,
/// whatever it says, nobody touches local memory any more.
class WindowCopy {
 public:
    struct Context {
        const memory::Window& window;
        std::shared_ptr<const RemoteTable> table;
        transport::RemoteMemory& transport;
        copy::Engine& engine;
        copy::Temperature temperature = copy::Temperature::kAuto;
        Deadline deadline;
    };
    explicit WindowCopy(Context context) : context_(std::move(context)) {}

    /// Whether any byte of the range is of a rank of another host.
    static bool is_remote(const memory::Window& window, const RemoteTable& table, uint64_t begin,
                          uint64_t size);

    Status copy_pieces(std::span<const copy::Piece> pieces);
    Status copy_rows(const copy::Rows& rows);

 private:
    /// Pieces of one peer, in one direction.
    struct Batch {
        const RemoteMember* member = nullptr;
        bool is_put = false;
        uint64_t first = 0;  // address in the window, for texts
        std::vector<transport::FabricPiece> pieces;
        Status status;
        void add(const RemoteMember& peer, bool put, const transport::FabricPiece& piece, uint64_t address);
        uint64_t bytes() const;
    };
    using Batches = std::map<uint32_t, Batch>;  // by rank

    /// Where a contiguous part of a side lies.
    struct Part {
        uint64_t address = 0;
        const RemoteMember* member = nullptr;  // null: in ordinary memory
        uint64_t offset = 0;                   // in the member's region
    };
    /// Bytes that go from one other host to another.
    struct Relay {
        Part source;
        Part destination;
        size_t size = 0;
    };
    class RelayPipe;

    Part part_at(uint64_t address) const;
    uint64_t run_at(uint64_t address, uint64_t size) const;
    Status add(const copy::Piece& piece);
    void add_run(const Part& source, const Part& destination, size_t size);
    Status flush();
    Status run_relays();
    Status run(std::vector<Batch*> batches, std::span<const copy::Piece> local) const;
    Status run_one(const Batch& batch) const;

    Context context_;
    // What is planned and not done yet.
    size_t planned_ = 0;
    std::vector<copy::Piece> local_;
    Batches puts_;
    Batches gets_;
    std::vector<Relay> relays_;
};

}  // namespace memfabric
