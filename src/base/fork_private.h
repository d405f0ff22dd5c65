// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace memfabric {

/// A forked child holds copies of all descriptors, and a connection ends for the other side only when the
/// last copy is closed: a child that lives on would keep up the connections of a parent that was killed. In a
/// child the descriptors that were named here are therefore descriptors of /dev/null. (Programs that are
/// executed do not get them at all: O_CLOEXEC.)
void keep_from_children(int descriptor);

/// Before the descriptor is closed.
void forget_descriptor(int descriptor);

}  // namespace memfabric
