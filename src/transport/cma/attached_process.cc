// SPDX-License-Identifier: Apache-2.0
#include "transport/cma/attached_process.h"

#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace memfabric::transport {
namespace {

constexpr size_t kMostParts = 1024;  // IOV_MAX: what one system call takes

/// The pieces' sequence, cut into what one system call takes.
struct Parts {
    std::array<iovec, kMostParts> local;
    std::array<iovec, kMostParts> remote;
    size_t count;
    size_t bytes;
};

/// Up to `limit` bytes of the sequence from `from` on.
void fill(Parts& parts, std::span<const RemotePiece> pieces, PiecePosition from, size_t limit) {
    parts.count = 0;
    parts.bytes = 0;
    for (size_t i = from.piece; i < pieces.size() && parts.count < kMostParts && parts.bytes < limit; ++i) {
        const RemotePiece& piece = pieces[i];
        const size_t offset = i == from.piece ? from.offset : 0;
        const size_t size = std::min(piece.size - offset, limit - parts.bytes);
        if (size > 0) {
            parts.local[parts.count] = {piece.local + offset, size};
            parts.remote[parts.count] = {reinterpret_cast<void*>(piece.remote + offset), size};
            ++parts.count;
            parts.bytes += size;
        }
    }
}

/// Goes `bytes` further, and over what is empty.
void advance(PiecePosition& position, std::span<const RemotePiece> pieces, size_t bytes) {
    position.offset += bytes;
    while (position.piece < pieces.size() && position.offset >= pieces[position.piece].size) {
        position.offset -= pieces[position.piece].size;
        ++position.piece;
    }
}

ssize_t move(Flow flow, pid_t pid, const iovec* local, const iovec* remote, size_t count) {
    return flow == Flow::kWrite ? ::process_vm_writev(pid, local, count, remote, count, 0)
                                : ::process_vm_readv(pid, local, count, remote, count, 0);
}

/// Whether the process has readable memory at the address.
bool is_readable(pid_t pid, uint64_t address) {
    std::byte byte{};
    const iovec local{&byte, 1};
    const iovec remote{reinterpret_cast<void*>(address), 1};
    return ::process_vm_readv(pid, &local, 1, &remote, 1, 0) == 1;
}

size_t page_size() {
    return static_cast<size_t>(::sysconf(_SC_PAGESIZE));
}

/// The first address of the range at which the process has no readable memory; its end where it has all.
uint64_t first_unreadable(pid_t pid, uint64_t address, size_t size) {
    const uint64_t end = address + size;
    while (address < end && is_readable(pid, address)) {
        address = (address / page_size() + 1) * page_size();
    }
    return std::min(address, end);
}

Status attach_refused(pid_t pid, int error) {
    if (error == ESRCH) {
        return failure(Code::kPeerLost, "process {} has ended", pid);
    }
    if (error == EPERM) {
        return failure(
            Code::kNotSupported,
            "the kernel does not let this process reach the memory of process {} ({}): both must run "
            "as one user, in a container with the same capabilities, and kernel.yama.ptrace_scope "
            "must be 0, or MF_TRANS_PTRACER=1 be set for process {}",
            pid, errno_text(error), pid);
    }
    return failure(Code::kNotSupported,
                   "copying from process to process does not work here ({}): the kernel lacks "
                   "CONFIG_CROSS_MEMORY_ATTACH, or a seccomp filter forbids it",
                   errno_text(error));
}

}  // namespace

Result<AttachedProcess> AttachedProcess::open(pid_t pid, uint64_t nonce_address, uint64_t nonce) {
    if (pid <= 0) {
        return Status(Code::kNotSupported,
                      "the other process runs in a pid namespace that this one does not see: share it "
                      "between the containers to copy from process to process");
    }
    uint64_t found = 0;
    const iovec local{&found, sizeof found};
    const iovec remote{reinterpret_cast<void*>(nonce_address), sizeof found};
    const ssize_t moved = ::process_vm_readv(pid, &local, 1, &remote, 1, 0);
    if (moved < 0 && errno != EFAULT) {
        return attach_refused(pid, errno);
    }
    if (moved != sizeof found || found != nonce) {
        return failure(Code::kNotSupported,
                       "process {} is another one here than it is for the peer: they are of different pid "
                       "namespaces, or it has ended and its number was given away",
                       pid);
    }
    return AttachedProcess(pid);
}

AttachFault AttachedProcess::copy(Flow flow, std::span<const RemotePiece> pieces, PiecePosition from,
                                  size_t count) const {
    if (pieces.size() == 1 && count > 0) {
        const RemotePiece& piece = pieces.front();
        const iovec local{piece.local + from.offset, count};
        const iovec remote{reinterpret_cast<void*>(piece.remote + from.offset), count};
        const ssize_t moved = move(flow, pid_, &local, &remote, 1);
        if (moved == static_cast<ssize_t>(count)) [[likely]] {
            return {};
        }
        if (moved > 0) {
            count -= static_cast<size_t>(moved);
            from.offset += static_cast<size_t>(moved);
        }
    }
    return copy_pieces(flow, pieces, from, count);
}

/// Not inlined: the room for many pieces is not for those who have one.
__attribute__((noinline)) AttachFault AttachedProcess::copy_pieces(Flow flow,
                                                                   std::span<const RemotePiece> pieces,
                                                                   PiecePosition from, size_t count) const {
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): 32 KiB, of which a call uses little
    Parts parts;
    advance(from, pieces, 0);
    while (count > 0 && from.piece < pieces.size()) {
        fill(parts, pieces, from, count);
        const ssize_t moved = move(flow, pid_, parts.local.data(), parts.remote.data(), parts.count);
        if (moved <= 0) {
            return {moved < 0 ? errno : EFAULT, from};
        }
        count -= static_cast<size_t>(moved);
        advance(from, pieces, static_cast<size_t>(moved));
    }
    return {};
}

Status AttachedProcess::describe(Flow flow, std::span<const RemotePiece> pieces,
                                 const AttachFault& fault) const {
    if (fault.error == 0) {
        return {};
    }
    if (fault.error == EFAULT) {
        return describe_bad_memory(flow, pieces[fault.position.piece], fault.position);
    }
    if (fault.error == ENOMEM) {
        return failure(Code::kMallocFailed, "the kernel has no memory to copy to or from process {} ({})",
                       pid_, errno_text(fault.error));
    }
    return attach_refused(pid_, fault.error);
}

/// The kernel stopped at `position` without copying one more byte, so what is missing is near. Tells the two
/// sides apart by reading, which changes nothing on either.
Status AttachedProcess::describe_bad_memory(Flow flow, const RemotePiece& piece,
                                            const PiecePosition& position) const {
    const auto local = reinterpret_cast<uint64_t>(piece.local) + position.offset;
    const uint64_t remote = piece.remote + position.offset;
    const size_t near = std::min(piece.size - position.offset, page_size());
    const uint64_t local_end = local + near;
    const uint64_t bad_local = first_unreadable(::getpid(), local, near);
    const bool remote_is_there = is_readable(pid_, remote);
    // Where both can be read, the side that is written is the one.
    const bool is_local = remote_is_there && (bad_local < local_end || flow == Flow::kRead);
    const bool is_read_only = remote_is_there && bad_local == local_end;
    const uint64_t address = !is_local ? remote : is_read_only ? local : bad_local;
    return failure(
        Code::kError,
        "piece {} of {} bytes, {} process {}: {} memory at {:#x} is {}; {} bytes of the piece were "
        "copied",
        position.piece, piece.size, flow == Flow::kWrite ? "written to" : "read from", pid_,
        is_local ? "this process's" : "the peer's", address,
        is_read_only ? "read-only" : "not mapped (freed while it was registered?)", position.offset);
}

}  // namespace memfabric::transport
