// SPDX-License-Identifier: Apache-2.0
// A PE that went without shmem_finalize: nothing of the others that waits for it would end, so the job does.
#pragma once

#include <cstdint>
#include <string>

namespace memfabric::shmem {

/// Whether this process is a PE now. Until then, and from then on, nobody's loss ends it.
void care_for_losses();
void care_no_more();
/// This PE has all but finalized, and so may others have that are gone.
void expect_ends();

/// PE `pe` is lost, and `why` where that is known. Leaves whoever knows more a moment for the first word,
/// then tells it, also to the PEs of this host, and ends the process; returns where this process is no PE
/// (any more).
void end_by_loss(uint32_t pe, const std::string& why = {});

/// The PE's process is not there any more, which near the job's end may be all right.
void end_by_absence(uint32_t pe, const std::string& why);

}  // namespace memfabric::shmem
