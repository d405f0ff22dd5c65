// SPDX-License-Identifier: Apache-2.0
#include "runtime/machine_info.h"

#include <array>
#include <fstream>

#include "runtime/machine_checks.h"

namespace memfabric {

std::vector<MachineCheck> inspect_machine(const Options& options) {
    std::vector<MachineCheck> checks;
    check_processors(checks);
    check_memory(checks);
    check_huge_pages(checks);
    check_sharing(checks, options);
    check_limits(checks);
    check_devices(checks, options);
    check_fabric(checks, options);
    return checks;
}

std::string first_line_of(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    return line;
}

std::string bytes_text(uint64_t bytes) {
    constexpr std::array kUnits = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    constexpr double kStep = 1024;
    auto amount = static_cast<double>(bytes);
    size_t unit = 0;
    for (; amount >= kStep && unit + 1 < kUnits.size(); ++unit) {
        amount /= kStep;
    }
    return fmt::format("{:.{}f} {}", amount,
                       amount == static_cast<double>(static_cast<uint64_t>(amount)) ? 0 : 1, kUnits.at(unit));
}

}  // namespace memfabric
