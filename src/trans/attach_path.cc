// SPDX-License-Identifier: Apache-2.0
#include "trans/attach_path.h"

namespace memfabric::trans {

Result<std::unique_ptr<PeerPath>> AttachPath::open(Runtime& runtime, const SessionRecord& record) {
    MF_ASSIGN_OR_RETURN(const pid_t pid, runtime.mapped().process_behind(record.hand_over));
    MF_ASSIGN_OR_RETURN(transport::AttachedProcess process,
                        transport::AttachedProcess::open(pid, record.nonce_address, record.nonce));
    return std::unique_ptr<PeerPath>(
        std::make_unique<AttachPath>(std::move(process), runtime.engine().team()));
}

Status AttachPath::move(Direction direction, std::span<const copy::Piece> pieces, Deadline) {
    return direction == Direction::kWrite ? process_.write(pieces, &team_) : process_.read(pieces, &team_);
}

}  // namespace memfabric::trans
