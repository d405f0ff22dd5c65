// SPDX-License-Identifier: Apache-2.0
#include "store/stopped_process.h"

#include <fstream>
#include <string>

#include "base/status.h"

namespace memfabric::store {

bool is_stopped(const ProcessId& process) {
    if (!process_lives(process.pid, process.start_time)) {
        return false;
    }
    // "PID (COMMAND) STATE ...", where the command may hold anything.
    std::ifstream file(fmt::format("/proc/{}/stat", process.pid));
    std::string line;
    std::getline(file, line);
    const size_t state = line.rfind(')') + 2;
    return state < line.size() && (line[state] == 'T' || line[state] == 't');
}

}  // namespace memfabric::store
