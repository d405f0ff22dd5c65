// SPDX-License-Identifier: Apache-2.0
// Ranks of an object that live on other hosts.
#include <algorithm>
#include <map>

#include "shm/shared_memory.h"
#include "transport/fabric/atomics.h"

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
    foreign_ = runtime.arena();
    remote_ =
        std::make_shared<RemoteMembers>(store(), std::move(reach), name_, runtime.host_id(), rank_size_);
    if (remote_->transport().pins_pages()) {
        MF_RETURN_IF_ERROR(window_->segment().commit_more(window(), rank_, 0, symmetric_size_));
    }
    // The whole part: what has no memory yet gets it when it is committed, or touched.
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

/// `other`: the side outside the window, or in it as well.
Status SharedMemory::check_remote(const char* what, uint64_t in_window, uint64_t other, size_t size) const {
    MF_RETURN_IF_ERROR(check_ranks(what, in_window, size));
    return check_other(what, other, size);
}

/// The side of a copy that need not lie in the window.
Status SharedMemory::check_other(const char* what, uint64_t other, size_t size) const {
    if (window().range().contains(other, size)) {
        return check_ranks(what, other, size);
    }
    if (other - foreign_.begin >= foreign_.size) [[likely]] {
        return {};
    }
    return world_->runtime().check_mapped(other, size).with_context(fmt::format("{} SHM {}", what, id_));
}

/// Who went explains a failed copy better than a connection that broke.
Status SharedMemory::explain(const char* what, const Status& failed, uint64_t begin, size_t size) {
    if (failed.code() != Code::kTimeout) {
        static_cast<void>(remote_->catch_up(Deadline::after(kNewsTake)));
    }
    MF_RETURN_IF_ERROR(check_ranks(what, begin, size));
    return failed.with_context(fmt::format("{} SHM {}", what, id_));
}

/// The rank of another host that has one side of the copy alone, while this process's memory is the other
/// side; null where it is not that simple.
const RemoteMember* SharedMemory::lone_member(uint64_t in_window, uint64_t other, size_t size) const {
    const uint32_t rank = window().rank_of(in_window);
    const RemoteMember* const member = (*remote_table_)[rank].get();
    const bool alone = member != nullptr && member->problem.is_ok() &&
                       rank == window().rank_of(in_window + size - 1) && !touches_other_hosts(other, size);
    return alone ? member : nullptr;
}

WindowCopy SharedMemory::window_copy() const {
    return WindowCopy({window(), remote_table_, remote_->transport(), world_->runtime().engine(),
                       copy::Temperature::kAuto, control_deadline()});
}

Status SharedMemory::copy_remote(const char* what, const copy::Piece& piece, uint64_t in_window) {
    const bool is_put = address(piece.destination) == in_window;
    const uint64_t other = is_put ? address(piece.source) : address(piece.destination);
    MF_RETURN_IF_ERROR(check_remote(what, in_window, other, piece.size));
    const CopyKind kind = is_put ? CopyKind::kPut : CopyKind::kGet;
    const observe::Timed timed(counters_.of(kind, window().rank_of(in_window), true), piece.size);
    const Status done = move_remote(piece, in_window);
    if (done.is_ok()) [[likely]] {
        timed.done(
            [&] { return fmt::format("{} SHM {}: {} bytes at {:#x}", what, id_, piece.size, in_window); });
        return {};
    }
    return explain(what, done, in_window, piece.size);
}

/// Small copies go through here by the thousand: no lock, nothing allocated.
Status SharedMemory::move_remote(const copy::Piece& piece, uint64_t in_window) {
    const bool is_put = address(piece.destination) == in_window;
    std::byte* const other = is_put ? const_cast<std::byte*>(piece.source) : piece.destination;
    const RemoteMember* const member = lone_member(in_window, address(other), piece.size);
    if (member == nullptr) {
        return window_copy().copy_pieces({&piece, 1});
    }
    const uint64_t offset = in_window - window().region(member->rank).begin;
    const transport::FabricPiece one{other, member->region, offset, piece.size};
    transport::RemoteMemory& transport = remote_->transport();
    return is_put ? transport.put(*member->peer, {&one, 1}, control_deadline())
                  : transport.get(*member->peer, {&one, 1}, control_deadline());
}

Result<std::unique_ptr<transport::RemoteTransfer>> SharedMemory::begin_remote(const char* what,
                                                                              const RemoteMember& member,
                                                                              const copy::Piece& piece,
                                                                              uint64_t in_window, Word word) {
    const bool is_put = address(piece.destination) == in_window;
    std::byte* const other = is_put ? const_cast<std::byte*>(piece.source) : piece.destination;
    MF_RETURN_IF_ERROR(check_remote(what, in_window, address(other), piece.size));
    const uint64_t offset = in_window - window().region(member.rank).begin;
    const transport::FabricPiece one{other, member.region, offset, piece.size};
    transport::RemoteMemory& transport = remote_->transport();
    const auto flow = is_put ? transport::FabricFlow::kPut : transport::FabricFlow::kGet;
    auto begun = word == Word::kNone ? transport.post(*member.peer, one, control_deadline())
                                     : transport.begin(*member.peer, flow, {&one, 1}, control_deadline());
    if (!begun.is_ok()) {
        return explain(what, begun.status(), in_window, piece.size);
    }
    // Its time is the fabric's to take.
    const CopyKind kind = is_put ? CopyKind::kPut : CopyKind::kGet;
    static_cast<void>(observe::count(counters_.of(kind, member.rank, true).cell, piece.size));
    return begun;
}

Status SharedMemory::begin(const char* what, const copy::Piece& piece, uint64_t in_window) {
    const bool is_put = address(piece.destination) == in_window;
    const std::byte* const other = is_put ? piece.source : piece.destination;
    const RemoteMember* const member =
        remote_table_ ? lone_member(in_window, address(other), piece.size) : nullptr;
    if (member == nullptr) {
        return copy(what, piece.destination, piece.source, piece.size, in_window);
    }
    MF_ASSIGN_OR_RETURN(auto begun, begin_remote(what, *member, piece, in_window));
    begun_.add({member, is_put, in_window, piece.size, std::move(begun)});
    return {};
}

Result<std::unique_ptr<SharedMemory::Post>> SharedMemory::post(void* in_window, const void* source,
                                                               size_t size, Word word) {
    constexpr const char* kWhat = "putting a message into";
    MF_RETURN_IF_ERROR(check_put(kWhat, in_window, source, size));
    const uint64_t place = address(in_window);
    const RemoteMember* const member = remote_table_ ? lone_member(place, address(source), size) : nullptr;
    if (member == nullptr) {
        MF_RETURN_IF_ERROR(copy(kWhat, in_window, source, size, place));
        return std::unique_ptr<Post>();
    }
    const copy::Piece piece{static_cast<std::byte*>(in_window), static_cast<const std::byte*>(source), size};
    MF_ASSIGN_OR_RETURN(auto begun, begin_remote(kWhat, *member, piece, place, word));
    return std::make_unique<Post>(Post{std::move(begun), place, size});
}

Status SharedMemory::end_post(Post& post) {
    const Status done = post.transfer->wait(Deadline::never());
    return done.is_ok() ? Status() : explain("putting a message into", done, post.address, post.size);
}

Status SharedMemory::quiet() {
    const auto failed = begun_.wait_all();
    return failed ? explain("waiting for copies in", failed->status, failed->address, failed->size)
                  : Status();
}

Result<uint64_t> SharedMemory::update(void* in_window, const AtomicUpdate& update) {
    constexpr const char* kWhat = "atomic operation in";
    const uint64_t place = address(in_window);
    if ((update.size != 4 && update.size != 8) || place % update.size != 0 ||
        update.kind > static_cast<uint32_t>(transport::AtomicKind::kXor)) {
        return failure(
            Code::kInvalidParam,
            "{} SHM {}: kind {} on {} bytes at {:#x}: kinds are 0 to {}, words have 4 or 8 bytes and "
            "are aligned to their size",
            kWhat, id_, update.kind, update.size, place, static_cast<uint32_t>(transport::AtomicKind::kXor));
    }
    MF_RETURN_IF_ERROR(check_range(kWhat, in_window, update.size));
    MF_RETURN_IF_ERROR(check_ranks(kWhat, place, update.size));
    const uint32_t rank = window().rank_of(place);
    const auto kind = static_cast<transport::AtomicKind>(update.kind);
    const RemoteMember* const member = remote_table_ ? (*remote_table_)[rank].get() : nullptr;
    const observe::Timed timed(counters_.of(CopyKind::kAtomic, rank, member != nullptr), update.size);
    if (member == nullptr) {
        static_cast<void>(observe::count(counters_.of(CopyKind::kAtomic, rank, false).cell, update.size));
        return transport::apply_atomic_at(static_cast<std::byte*>(in_window), update.size, kind,
                                          update.operand, update.comparand);
    }
    Status failed = member->problem;
    if (failed.is_ok()) {
        Result<uint64_t> before =
            remote_->transport().atomic(*member->peer,
                                        {member->region, place - window().region(rank).begin, update.size,
                                         kind, update.operand, update.comparand},
                                        control_deadline());
        if (before.is_ok()) [[likely]] {
            timed.done([&] { return fmt::format("{} SHM {}: a word of rank {}", kWhat, id_, rank); });
            return before;
        }
        failed = before.status();
    }
    return explain(kWhat, failed, place, update.size);
}

Status SharedMemory::copy_rows(const char* what, const copy::Rows& rows, bool is_put) {
    const uint64_t in_window = address(is_put ? rows.destination : rows.source);
    const uint64_t other = address(is_put ? rows.source : rows.destination);
    const size_t pitch = is_put ? rows.destination_pitch : rows.source_pitch;
    const size_t other_pitch = is_put ? rows.source_pitch : rows.destination_pitch;
    if (rows.height == 0 || other == 0 || rows.width > pitch || rows.width > other_pitch) {
        return failure(Code::kInvalidParam,
                       "{} SHM {}: {} rows of {} bytes, {} and {} bytes apart, the other side at {:#x}", what,
                       id_, rows.height, rows.width, pitch, other_pitch, other);
    }
    size_t skipped = 0;
    const bool too_long = __builtin_mul_overflow(rows.height - 1, std::max(pitch, other_pitch), &skipped) ||
                          skipped > SIZE_MAX - rows.width;
    const size_t size = too_long ? SIZE_MAX : (rows.height - 1) * pitch + rows.width;
    MF_RETURN_IF_ERROR(check_range(what, reinterpret_cast<void*>(in_window), size));
    const size_t other_size = (rows.height - 1) * other_pitch + rows.width;
    MF_RETURN_IF_ERROR(check_ranks(what, in_window, size));
    MF_RETURN_IF_ERROR(check_other(what, other, other_size));
    const bool by_fabric =
        remote_table_ && (touches_other_hosts(in_window, size) || touches_other_hosts(other, other_size));
    const CopyKind kind = is_put ? CopyKind::kPut : CopyKind::kGet;
    const observe::Timed timed(counters_.of(kind, window().rank_of(in_window), by_fabric),
                               rows.width * rows.height);
    if (by_fabric) {
        const Status done = window_copy().copy_rows(rows);
        if (!done.is_ok()) {
            return explain(what, done, in_window, size);
        }
    } else {
        world_->runtime().engine().copy_rows(rows);
    }
    timed.done([&] {
        return fmt::format("{} SHM {}: {} rows of {} bytes at {:#x}", what, id_, rows.height, rows.width,
                           in_window);
    });
    return {};
}

Status SharedMemory::put_rows(const copy::Rows& rows) {
    return copy_rows("putting rows into", rows, true);
}

Status SharedMemory::get_rows(const copy::Rows& rows) {
    return copy_rows("getting rows from", rows, false);
}

void SharedMemory::set_activity_handler(std::function<void()> handler) {
    const std::lock_guard lock(mutex_);
    if (remote_ && (handler || listens_)) {
        listens_ = handler != nullptr;
        remote_->transport().on_activity(std::move(handler));
    }
}

void SharedMemory::poll() const {
    if (remote_) {
        remote_->transport().poll();
    }
}

}  // namespace memfabric::shm
