// SPDX-License-Identifier: Apache-2.0
// PEs that go without a word are found out without the config store too, which may have gone with one, or lie
// behind a link that is cut.
#pragma once

namespace memfabric::shmem {

/// The kernel tells which PEs of this host end. While a thread of this PE waits, the first PE of the next
/// host is asked for a byte each second, and PE 0 where that serves the store: so each host learns of another
/// one's end at last, if by the end of those in between. PEs in another pid namespace of the same host hear
/// nothing. Collective.
void start_lookout(bool first_serves_store);
/// Before the memory that is asked about goes.
void end_lookout();

}  // namespace memfabric::shmem
