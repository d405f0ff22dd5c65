// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace memfabric {

/// Whether it moves no cursor and ends no line: no control characters (those of ASCII, and U+0080 to U+009F
/// in UTF-8). Names come from other processes, and texts end on terminals.
bool is_printable(std::string_view text);

/// Each byte of a control character becomes a '?', white space a space.
void make_printable(std::string& text);

}  // namespace memfabric
