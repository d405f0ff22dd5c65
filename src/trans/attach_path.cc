// SPDX-License-Identifier: Apache-2.0
#include "trans/attach_path.h"

#include <array>
#include <vector>

#include "base/per_thread.h"

namespace memfabric::trans {
namespace {

using transport::Flow;
using transport::RemotePiece;

/// Of one thread: a batch of many pieces allocates nothing once it has grown.
struct Scratch {
    std::vector<RemotePiece> remote;
};

RemotePiece to_remote(Direction direction, const copy::Piece& piece) {
    if (direction == Direction::kWrite) {
        // The kernel only reads from the local side of a write.
        return {reinterpret_cast<uint64_t>(piece.destination), const_cast<std::byte*>(piece.source),
                piece.size};
    }
    return {reinterpret_cast<uint64_t>(piece.source), piece.destination, piece.size};
}

}  // namespace

Result<std::unique_ptr<PeerPath>> AttachPath::open(Runtime& runtime, const SessionRecord& record) {
    MF_ASSIGN_OR_RETURN(const pid_t pid, runtime.mapped().process_behind(record.hand_over));
    MF_ASSIGN_OR_RETURN(const transport::AttachedProcess process,
                        transport::AttachedProcess::open(pid, record.nonce_address, record.nonce));
    return std::unique_ptr<PeerPath>(std::make_unique<AttachPath>(process, runtime.engine().team()));
}

Status AttachPath::move(Direction direction, std::span<const copy::Piece> pieces, Deadline) {
    const Flow flow = direction == Direction::kWrite ? Flow::kWrite : Flow::kRead;
    if (pieces.size() == 1) {
        const RemotePiece piece = to_remote(direction, pieces.front());
        return copy_attached(process_, flow, {&piece, 1}, &team_);
    }
    std::vector<RemotePiece>& remote = per_thread<Scratch>().remote;
    remote.clear();
    for (const copy::Piece& piece : pieces) {
        remote.push_back(to_remote(direction, piece));
    }
    return copy_attached(process_, flow, remote, &team_);
}

}  // namespace memfabric::trans
