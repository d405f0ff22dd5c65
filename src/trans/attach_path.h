// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "runtime/runtime.h"
#include "trans/attached_copy.h"
#include "trans/path.h"
#include "trans/session_record.h"

namespace memfabric::trans {

/// Memory that a peer's program allocated itself, by the kernel's cross-memory attach: one copy, and the
/// target does nothing.
class AttachPath final : public PeerPath {
 public:
    /// Finds the peer's process and tries to read its memory; the failure says why that is forbidden.
    static Result<std::unique_ptr<PeerPath>> open(Runtime& runtime, const SessionRecord& record);
    AttachPath(transport::AttachedProcess process, copy::ThreadTeam& team) : process_(process), team_(team) {}

    PathChoice kind() const override { return PathChoice::kAttach; }
    Status move(Direction direction, std::span<const copy::Piece> pieces, Deadline deadline) override;

 private:
    transport::AttachedProcess process_;
    copy::ThreadTeam& team_;
};

}  // namespace memfabric::trans
