// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <unordered_map>
#include <vector>

#include "copy/engine.h"
#include "trans/path.h"
#include "trans/remote_messages.h"
#include "transport/fabric/fabric_types.h"

namespace memfabric::trans {

/// By what the memory of one life of a session on another host is reached, as far as that one has told, and
/// which transfers use it just now. Thread-safe; nothing here waits.
class RegionCache {
 public:
    struct Known;

    /// What one transfer uses: the keys are not given up while this exists.
    class Use {
     public:
        explicit Use(RegionCache& cache) : cache_(cache) {}
        ~Use();
        Use(const Use&) = delete;
        Use& operator=(const Use&) = delete;

        /// To call where the transfer did not succeed: bytes of it may still be on their way.
        void note_failure() { failed_ = true; }

     private:
        friend class RegionCache;
        RegionCache& cache_;
        std::vector<std::shared_ptr<Known>> known_;
        bool failed_ = false;
    };

    /// Says by what each piece is reached, in order, where all of them are known: `use` holds that then.
    /// Otherwise false, and `unknown` has what to ask the target for, kMostAsked ranges at most.
    bool plan(Direction direction, std::span<const copy::Piece> pieces,
              std::vector<transport::FabricPiece>& planned, Use& use,
              std::vector<memory::AddressRange>& unknown);

    /// To be read before the target is asked, for add().
    uint64_t revocations() const;
    /// What the target has told. Dropped where it has revoked anything meanwhile: which of the two is the
    /// later word is not known then.
    void add(std::span<const RemoteRange> ranges, uint64_t revocations);

    /// The target is going to end these keys.
    RevokeAnswer revoke(std::span<const uint64_t> keys);
    /// The target has refused one of these: all of them are asked for anew.
    void drop(const Use& use);

 private:
    using Ranges = std::map<uint64_t, std::shared_ptr<Known>>;  // by begin; nothing overlaps

    const std::shared_ptr<Known>* find(uint64_t address) const;
    bool add_piece(std::byte* local, memory::AddressRange remote,
                   std::vector<transport::FabricPiece>& planned, Use& use,
                   std::vector<memory::AddressRange>& unknown) const;
    void forget(Ranges::iterator range);
    void erase_overlapping(memory::AddressRange range);

    mutable std::mutex mutex_;
    Ranges ranges_;                                              // guarded by mutex_, as is what follows
    std::unordered_map<uint64_t, std::shared_ptr<Known>> keys_;  // also those that are used no more
    uint64_t revocations_ = 0;
};

}  // namespace memfabric::trans
