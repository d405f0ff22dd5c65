// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

namespace mf {

/// Whether libmemfabric is of this build; says so where it is not. Sends the library's log to standard error
/// as "mf: level: text", which is how failures of the library get there.
bool check_library();

/// Owns a text of the private interface. Null (a failure, already in the log) becomes a false `ok`.
struct LibraryText {
    explicit LibraryText(char* text);
    bool ok = false;
    std::string text;
};

/// `text` as one word for the shell, quoted where it must be.
std::string shell_word(const std::string& text);

}  // namespace mf
