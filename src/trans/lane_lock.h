// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/fd.h"
#include "base/status.h"

namespace memfabric::trans {

/// Locks of single bytes of a shared segment that belong to an open file: the kernel lets go of them when the
/// last process that has the file open is gone. They exclude threads and engines of one process too.
/// A mapping keeps its file open, also in a forked child: what keeps locks must never be mapped.

bool lock_byte(int descriptor, uint64_t offset);
/// Whether anybody else's open file holds it.
bool byte_is_locked(int descriptor, uint64_t offset);

/// An open file of our own of the same memory: a descriptor that was handed over shares its locks with the
/// process it came from.
Result<Fd> reopen(int descriptor);

}  // namespace memfabric::trans
