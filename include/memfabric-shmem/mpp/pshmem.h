/* SPDX-License-Identifier: Apache-2.0 */
/* The header's place in SGI's and Cray's SHMEM, deprecated and still to be there. */
#ifndef MEMFABRIC_MPP_PSHMEM_H
#define MEMFABRIC_MPP_PSHMEM_H

#include "../pshmem.h"

#endif
