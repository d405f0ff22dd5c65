// SPDX-License-Identifier: Apache-2.0

#include "base/environment.h"
#include "runtime/machine_checks.h"

namespace memfabric {

void check_devices(std::vector<MachineCheck>& checks, const Options& options) {
    std::string value = options.text(OptionId::kDeviceProvider) + ": HBM is backed by DRAM";
    const char* ascend = environment_variable("ASCEND_HOME_PATH");
    value += fmt::format("; ASCEND_HOME_PATH {}", ascend != nullptr ? ascend : "not set");
    checks.push_back({"device provider", true, value, ascend != nullptr ? "this version drives no NPU" : ""});
}

}  // namespace memfabric
