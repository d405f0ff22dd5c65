// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

#include "base/status.h"
#include "observe/board_layout.h"

namespace memfabric::observe {

/// The board of this process, made by the first call and there until the process ends. Where there is no
/// descriptor for it, it is memory that other processes do not see.
Board& own_board();
/// Of own_board(); -1 where there is none.
int own_board_descriptor();

/// What others show of this process.
void set_host_id(std::string_view host_id);
void set_metrics_address(std::string_view address);

}  // namespace memfabric::observe
