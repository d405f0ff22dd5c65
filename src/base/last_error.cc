// SPDX-License-Identifier: Apache-2.0
#include "base/last_error.h"

#include "base/attempt.h"
#include "base/per_thread.h"

namespace memfabric {
namespace {

struct LastError {
    std::string text;
    std::string taken;
};

}  // namespace

void set_last_error(std::string_view text) noexcept {
    std::string& kept = per_thread<LastError>().text;
    if (!did_with_memory([&] { kept.assign(text); })) {
        kept.assign("out of memory");  // so short that it takes none
    }
}

const char* last_error() {
    return per_thread<LastError>().text.c_str();
}

const char* take_last_error() {
    LastError& error = per_thread<LastError>();
    error.taken.swap(error.text);
    error.text.clear();
    return error.taken.c_str();
}

}  // namespace memfabric
