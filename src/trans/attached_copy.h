// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <span>

#include "copy/thread_team.h"
#include "transport/cma/attached_process.h"

namespace memfabric::trans {

/// Copies all pieces between this process and `process`, shared over the team's threads where they are
/// large and `team` is not null. A failure names the piece and the side; earlier pieces, and with several
/// threads later ones too, may have been copied then.
Status copy_attached(const transport::AttachedProcess& process, transport::Flow flow,
                     std::span<const transport::RemotePiece> pieces, copy::ThreadTeam* team);

}  // namespace memfabric::trans
