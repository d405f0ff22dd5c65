// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <vector>

namespace demo {

/// One file of the input. `header` precedes its bytes in the stream.
struct Entry {
    std::filesystem::path path;
    uint64_t size = 0;
    std::vector<std::byte> header;
};

/// A file, which is its own stream, or a folder, packed as a stream: for each regular file, in the order of
/// the names, the length of its path below the folder (8 bytes, little-endian), the path, its size (8 bytes),
/// its bytes. Symbolic links are left out.
struct Input {
    std::filesystem::path path;
    std::vector<Entry> entries;
    uint64_t total = 0;
};

/// Throws std::runtime_error, with a text for the user, where the input is missing, unreadable or empty.
Input scan_input(const std::filesystem::path& path);

/// A real tree of at least 256 MiB of this machine, all of it readable.
std::filesystem::path default_input();

/// Reads the stream from its beginning to its end.
class InputReader {
 public:
    explicit InputReader(const Input& input) : input_(input) {}

    /// Fills `buffer`, which must not be longer than what is left. Throws where a file cannot be read or has
    /// changed.
    void read(std::span<std::byte> buffer);

 private:
    size_t read_some(std::span<std::byte> buffer);

    const Input& input_;
    size_t entry_ = 0;
    uint64_t position_ = 0;  // in the entry, header included
    std::ifstream file_;
};

}  // namespace demo
