// SPDX-License-Identifier: Apache-2.0
// A text as the value of every option, and as the names of environment variables.
#include <string>
#include <vector>

#include "base/options.h"
#include "tests/fuzz/fuzz.h"

using namespace memfabric;
using fuzz::require;

namespace {

bool is_number(OptionType type) {
    return type == OptionType::kInteger || type == OptionType::kSize || type == OptionType::kDuration;
}

void check_value(const OptionEntry& entry, std::string_view text) {
    Options options;
    const int64_t before = options.integer(entry.id);
    const Status status = options.set(entry.id, text);
    fuzz::require_reason(status);
    if (!status.is_ok()) {
        require(status.message().find(entry.name) != std::string::npos);
        require(options.integer(entry.id) == before && !options.is_given(entry.id));
        return;
    }
    require(options.is_given(entry.id) && options.text(entry.id) == text);
    if (is_number(entry.type)) {
        require(options.integer(entry.id) >= entry.lowest && options.integer(entry.id) <= entry.highest);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    set_log_level(LogLevel::kFatal);
    const std::string_view text = fuzz::as_text(data, size);
    for (const OptionEntry& entry : option_table()) {
        check_value(entry, text);
    }
    for (const Result<int64_t>& number : {parse_size(text), parse_duration(text)}) {
        fuzz::require_reason(number.status());
        require(!number.is_ok() || *number >= 0);
    }
    const std::vector<std::string> names{std::string(text.substr(0, 200))};
    for (const auto& [name, nearest] : unknown_options(names)) {
        require(name == names.front() && nearest.starts_with("MF_"));
    }
    return 0;
}
