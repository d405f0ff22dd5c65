// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "control.h"

namespace demo {

struct RankArguments {
    uint32_t rank = 0;
    uint32_t ranks = 0;
    std::string store_url;
    std::filesystem::path input;
    uint64_t total = 0;
};

/// One rank: joins the pool, does what the launcher says, leaves. Returns the exit code; failures are told to
/// the launcher.
int run_rank(const RankArguments& arguments, const Channel& launcher);

}  // namespace demo
