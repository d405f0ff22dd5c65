// SPDX-License-Identifier: Apache-2.0
#include <cstdlib>

#include "runtime/machine_checks.h"

namespace memfabric {

void check_devices(std::vector<MachineCheck>& checks, const Options& options) {
    std::string value = options.text(OptionId::kDeviceProvider) + ": HBM is backed by DRAM";
    // The program must not change its environment meanwhile.
    const char* ascend = std::getenv("ASCEND_HOME_PATH");  // NOLINT(concurrency-mt-unsafe)
    value += fmt::format("; ASCEND_HOME_PATH {}", ascend != nullptr ? ascend : "not set");
    checks.push_back({"device provider", true, value, ascend != nullptr ? "this version drives no NPU" : ""});
}

}  // namespace memfabric
