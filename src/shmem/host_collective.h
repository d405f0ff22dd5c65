// SPDX-License-Identifier: Apache-2.0
// The collectives of groups whose members live on several hosts: shared memory inside a host, a tree of the
// hosts' first members between them. Same parameters as those of collective.h.
#pragma once

#include "shmem/collective.h"

namespace memfabric::shmem {

void broadcast_over_hosts(const Group& group, void* dest, const void* source, size_t bytes, int root,
                          bool root_copies);
void collect_over_hosts(const Group& group, void* dest, const void* source, size_t bytes);
void fcollect_over_hosts(const Group& group, void* dest, const void* source, size_t bytes);
void alltoall_over_hosts(const Group& group, void* dest, const void* source, size_t bytes);
void alltoalls_over_hosts(const Group& group, void* dest, const void* source, ptrdiff_t dst, ptrdiff_t sst,
                          size_t count, size_t element);
void reduce_over_hosts(const Group& group, void* dest, const void* source, size_t count, size_t element,
                       Combine combine);

/// Of a member of this host: its object as a pointer.
char* object_of(const Group& group, int member, const void* object, size_t bytes);
/// Copies what the host's first member holds now to the others. All members of the host come.
void take_from_first(const Group& group, const HostTree& tree, void* dest, size_t bytes);

}  // namespace memfabric::shmem
