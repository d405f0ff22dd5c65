// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/status.h"

namespace memfabric::transport {

/// `size` bytes at `remote` in another process and at `local` in this one.
struct RemotePiece {
    uint64_t remote = 0;
    std::byte* local = nullptr;  // only read from where the operation is a write
    size_t size = 0;
};

enum class Flow { kWrite, kRead };

/// A place in the sequence of the pieces' bytes.
struct PiecePosition {
    size_t piece = 0;
    size_t offset = 0;
};

/// Where the kernel stopped, and why.
struct AttachFault {
    int error = 0;  // errno; 0: everything was copied
    PiecePosition position;
};

/// Another process of this host whose memory, any that it has, is copied from and to by the kernel
/// (process_vm_readv, process_vm_writev) without its help.
class AttachedProcess {
 public:
    /// Reads the 8 bytes at `nonce_address` of the process to find out whether the kernel lets us, and
    /// whether `pid` means the same process here as to whoever published the nonce. kNotSupported, with the
    /// reason, where it does not work here; kPeerLost where there is no such process.
    static Result<AttachedProcess> open(pid_t pid, uint64_t nonce_address, uint64_t nonce);

    pid_t pid() const { return pid_; }

    /// Copies `count` bytes of the pieces' sequence from `from` on, by the calling thread alone; allocates
    /// nothing.
    AttachFault copy(Flow flow, std::span<const RemotePiece> pieces, PiecePosition from, size_t count) const;

    /// What the fault means to a user: which piece, which side, what to do. kPeerLost, kNotSupported, or
    /// kError for memory that is not there.
    Status describe(Flow flow, std::span<const RemotePiece> pieces, const AttachFault& fault) const;

 private:
    explicit AttachedProcess(pid_t pid) : pid_(pid) {}
    AttachFault copy_pieces(Flow flow, std::span<const RemotePiece> pieces, PiecePosition from,
                            size_t count) const;
    Status describe_bad_memory(Flow flow, const RemotePiece& piece, const PiecePosition& position) const;

    pid_t pid_;
};

}  // namespace memfabric::transport
