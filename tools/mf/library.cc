// SPDX-License-Identifier: Apache-2.0
#include "library.h"

#include <fmt/core.h>

#include <array>
#include <cstdio>
#include <string_view>

#include "capi/private_api.h"
#include "smem.h"

namespace mf {
namespace {

void write_log(int level, const char* message) {
    constexpr std::array kNames = {"debug", "info", "warning", "error", "fatal"};
    const size_t index = level >= 0 && level < static_cast<int>(kNames.size()) ? static_cast<size_t>(level)
                                                                               : kNames.size() - 1;
    fmt::print(stderr, "mf: {}: {}\n", kNames.at(index), message);
}

}  // namespace

bool check_library() {
    const std::string own = fmt::format("{}/{}", MF_VERSION, MF_PRIVATE_INTERFACE);
    if (own != mf_private_build_id()) {
        fmt::print(stderr,
                   "mf: error: this command is of build {}, but libmemfabric.so.1 that was found is of {}: "
                   "install both together\n",
                   own, mf_private_build_id());
        return false;
    }
    smem_set_extern_logger(write_log);
    return true;
}

LibraryText::LibraryText(char* taken) : ok(taken != nullptr), text(taken != nullptr ? taken : "") {
    mf_private_free_text(taken);
}

std::string shell_word(const std::string& text) {
    constexpr std::string_view kPlain =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:-=,+@%";
    if (!text.empty() && text.find_first_not_of(kPlain) == std::string::npos) {
        return text;
    }
    std::string quoted = "'";
    for (const char c : text) {
        quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    return quoted + "'";
}

}  // namespace mf
