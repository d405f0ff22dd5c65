// SPDX-License-Identifier: Apache-2.0
#include "base/folder.h"

#include <dirent.h>

#include <cerrno>
#include <memory>
#include <new>
#include <string_view>

namespace memfabric {

std::vector<std::string> names_in(const std::string& folder) {
    const auto close = [](DIR* opened) { ::closedir(opened); };
    const std::unique_ptr<DIR, decltype(close)> opened(::opendir(folder.c_str()), close);
    if (opened == nullptr && errno == ENOMEM) {
        throw std::bad_alloc();
    }
    std::vector<std::string> names;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): nobody else has this folder's stream
    for (const dirent* entry = nullptr; opened != nullptr && (entry = ::readdir(opened.get())) != nullptr;) {
        const std::string_view name = entry->d_name;
        if (name != "." && name != "..") {
            names.emplace_back(name);
        }
    }
    return names;
}

}  // namespace memfabric
