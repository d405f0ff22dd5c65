// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

#include "descriptor.h"

namespace mf {

/// Blocks SIGINT, SIGTERM and (unless ignored) SIGHUP in this thread and all that it starts later, and
/// ignores SIGPIPE; returns a descriptor that tells of the blocked ones. Closed descriptor: a failure, errno
/// says why.
Descriptor take_over_signals();

/// The next signal that waits there; 0 where none does.
int next_signal(const Descriptor& signals);

/// Undoes take_over_signals in a child that is about to become another program.
void give_back_signals();

}  // namespace mf
