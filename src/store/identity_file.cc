// SPDX-License-Identifier: Apache-2.0
#include "store/identity_file.h"

#include <charconv>
#include <fstream>

#include "base/log.h"
#include "store/private_file.h"

namespace memfabric::store {
namespace {

uint64_t read_instance(const std::string& path) {
    std::ifstream file(path);
    std::string line;
    std::getline(file, line);
    uint64_t instance = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), instance, 16);
    return error == std::errc() && end == line.data() + line.size() ? instance : 0;
}

void keep(const std::string& path, uint64_t instance) {
    const Status kept = replace_file(path, fmt::format("{:016x}\n", instance), 0600);
    if (!kept.is_ok()) {
        log_debug("config store: started again after a crash, it will not know its clients: {}",
                  kept.message());
    }
}

}  // namespace

IdentityFile::IdentityFile(const std::string& folder, const Endpoint& endpoint) {
    if (!folder.empty()) {
        path_ = fmt::format("{}/{}-{}.store", folder, endpoint.host, endpoint.port);
    }
}

Identity IdentityFile::open() {
    Identity identity = new_identity();
    if (path_.empty()) {
        return identity;
    }
    if (const uint64_t instance = read_instance(path_); instance != 0) {
        identity.instance = instance;
        identity.is_restart = true;
    }
    // Where there is no memory for one of the two, what is new goes again, and what a predecessor left stays.
    if (!identity.is_restart) {
        file_ = std::make_unique<ExitFile>(path_);
    }
    keep(path_, identity.instance);
    if (identity.is_restart) {
        file_ = std::make_unique<ExitFile>(path_);
    }
    identity.keep = [path = path_](uint64_t instance) { keep(path, instance); };
    return identity;
}

}  // namespace memfabric::store
