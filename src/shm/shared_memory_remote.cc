// SPDX-License-Identifier: Apache-2.0
// Ranks of an object that live on other hosts.
#include <algorithm>
#include <map>

#include "runtime/window_copy.h"
#include "shm/shared_memory.h"

namespace memfabric::shm {
namespace {

/// For word of a rank's end that is on its way: it explains a failure better than a broken connection.
constexpr auto kNewsTake = std::chrono::seconds(1);

uint64_t address(const void* place) {
    return reinterpret_cast<uint64_t>(place);
}

}  // namespace

/// Copies between processes of one host are always possible.
uint32_t supported_reach(Runtime& runtime) {
    const auto remote = runtime.remote_memory();
    const uint32_t fabric = remote.is_ok() && *remote ? kReachFabric : 0U;
    return kReachLoadStore | kReachCopyEngine | fabric;
}

void SharedMemory::learn_hosts() {
    const std::lock_guard lock(mutex_);
    std::map<std::string, uint32_t> first;
    hosts_.resize(rank_size_);
    for (const auto& [rank, host] : members_) {
        hosts_[rank] = first.try_emplace(host, rank).first->second;
    }
}

Result<uint32_t> SharedMemory::host(uint32_t rank) const {
    if (rank >= rank_size_) {
        return failure(Code::kInvalidParam, "asking for the host of rank {}: SHM {} has {} ranks", rank, id_,
                       rank_size_);
    }
    return hosts_[rank];
}

/// With all ranks on one host nothing is started, exposed or told.
Status SharedMemory::offer_to_other_hosts(Deadline deadline) {
    if (std::ranges::count(hosts_, hosts_.front()) == rank_size_) {
        return {};
    }
    Runtime& runtime = world_->runtime();
    MF_ASSIGN_OR_RETURN(std::shared_ptr<transport::RemoteMemory> reach, runtime.remote_memory());
    if (!reach) {
        return {};
    }
    remote_ =
        std::make_shared<RemoteMembers>(store(), std::move(reach), name_, runtime.host_id(), rank_size_);
    // The whole part, also what has no memory yet: it is taken, and given back, under the fabric's feet.
    const memory::AddressRange region = window().region(rank_);
    return remote_->enter(rank_, {reinterpret_cast<std::byte*>(region.begin), region.size}, deadline)
        .with_context("offering the own part to other hosts");
}

/// Once all ranks have offered theirs.
Status SharedMemory::learn_remote(Deadline deadline) {
    if (remote_) {
        MF_RETURN_IF_ERROR(remote_->catch_up(deadline));
        remote_table_ = remote_->table();
    }
    return {};
}

bool SharedMemory::is_present(uint32_t rank) const {
    return window_->segment().is_member(rank) ||
           (remote_table_ && (*remote_table_)[rank] && remote_->epoch(rank) != 0);
}

Status SharedMemory::describe_absent(const char* what, uint32_t rank, uint64_t begin, size_t size) const {
    const std::string& here = world_->runtime().host_id();
    const std::lock_guard lock(mutex_);
    const auto member = members_.find(rank);
    const bool was_reached = remote_table_ && (*remote_table_)[rank];
    if (member != members_.end() && member->second != here && !was_reached) {
        return failure(Code::kNotSupported,
                       "{} SHM {}: {:#x} + {} bytes touches rank {} on host '{}', which cannot be reached "
                       "from host '{}': MF_FABRIC is off, or libfabric does not work, on one of them",
                       what, id_, begin, size, rank, member->second, here);
    }
    return failure(Code::kPeerLost, "{} SHM {}: {:#x} + {} bytes touches rank {}, which has left or is lost",
                   what, id_, begin, size, rank);
}

Status SharedMemory::check_mapped(const char* what, uint64_t begin, uint64_t size) const {
    const uint32_t last = window().rank_of(begin + (size == 0 ? 0 : size - 1));
    for (uint32_t rank = window().rank_of(begin); rank <= last; ++rank) {
        if (hosts_[rank] != hosts_[rank_]) {
            return failure(Code::kNotSupported,
                           "{} SHM {}: {:#x} + {} bytes touches rank {}, which lives on another host than "
                           "rank {}: its memory is not mapped here, copy by put and get",
                           what, id_, begin, size, rank, rank_);
        }
    }
    return {};
}

/// With remote_table_.
bool SharedMemory::touches_other_hosts(uint64_t begin, size_t size) const {
    return WindowCopy::is_remote(window(), *remote_table_, begin, size);
}

Status SharedMemory::copy_remote(const char* what, const copy::Piece& piece, uint64_t in_window) {
    const bool is_put = address(piece.destination) == in_window;
    const uint64_t other = is_put ? address(piece.source) : address(piece.destination);
    const auto check = [&] {
        MF_RETURN_IF_ERROR(check_ranks(what, in_window, piece.size));
        return window().range().contains(other, piece.size) ? check_ranks(what, other, piece.size) : Status();
    };
    MF_RETURN_IF_ERROR(check());
    const Status done = move_remote(piece, is_put, in_window);
    if (done.is_ok()) [[likely]] {
        return {};
    }
    if (done.code() != Code::kTimeout) {
        static_cast<void>(remote_->catch_up(Deadline::after(kNewsTake)));
    }
    MF_RETURN_IF_ERROR(check());  // who went explains it better
    return done.with_context(fmt::format("{} SHM {}", what, id_));
}

/// Between ordinary memory and one rank straight away: small ones go through here by the thousand.
Status SharedMemory::move_remote(const copy::Piece& piece, bool is_put, uint64_t in_window) {
    const memory::Window& layout = window();
    const uint32_t rank = layout.rank_of(in_window);
    const RemoteMember* const member = (*remote_table_)[rank].get();
    std::byte* const other = is_put ? const_cast<std::byte*>(piece.source) : piece.destination;
    const bool simple = member != nullptr && member->problem.is_ok() &&
                        rank == layout.rank_of(in_window + piece.size - 1) &&
                        !touches_other_hosts(address(other), piece.size);
    if (!simple) {
        WindowCopy copy({layout, remote_table_, remote_->transport(), world_->runtime().engine(),
                         copy::Temperature::kAuto, control_deadline()});
        return copy.copy_pieces({&piece, 1});
    }
    const transport::FabricPiece one{other, member->region, in_window - layout.region(rank).begin,
                                     piece.size};
    transport::RemoteMemory& transport = remote_->transport();
    return is_put ? transport.put(*member->peer, {&one, 1}, control_deadline())
                  : transport.get(*member->peer, {&one, 1}, control_deadline());
}

}  // namespace memfabric::shm
