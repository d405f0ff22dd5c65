// SPDX-License-Identifier: Apache-2.0
#include "input.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <system_error>

namespace demo {
namespace {

namespace fs = std::filesystem;

constexpr uint64_t kDefaultAtLeast = uint64_t{256} << 20;

std::runtime_error input_error(const fs::path& path, const std::string& why) {
    return std::runtime_error("input " + path.string() + ": " + why);
}

void append_number(std::vector<std::byte>& bytes, uint64_t number) {
    for (int shift = 0; shift < 64; shift += 8) {
        bytes.push_back(static_cast<std::byte>(number >> shift));
    }
}

std::vector<std::byte> make_header(const std::string& name, uint64_t size) {
    std::vector<std::byte> header;
    append_number(header, name.size());
    for (const char letter : name) {
        header.push_back(static_cast<std::byte>(letter));
    }
    append_number(header, size);
    return header;
}

void require_readable(const fs::path& path) {
    if (::access(path.c_str(), R_OK) != 0) {
        throw input_error(path, "cannot be read: " + std::generic_category().message(errno));
    }
}

std::vector<Entry> scan_folder(const fs::path& folder) {
    std::vector<Entry> entries;
    for (const fs::directory_entry& found : fs::recursive_directory_iterator(folder)) {
        if (found.is_symlink() || !found.is_regular_file()) {
            continue;
        }
        require_readable(found.path());
        const uint64_t size = found.file_size();
        entries.push_back(
            {found.path(), size, make_header(found.path().lexically_relative(folder).string(), size)});
    }
    std::sort(entries.begin(), entries.end(), [](const Entry& a, const Entry& b) { return a.path < b.path; });
    if (entries.empty()) {
        throw input_error(folder, "is a folder without a file in it");
    }
    return entries;
}

}  // namespace

Input scan_input(const fs::path& path) {
    Input input{path, {}, 0};
    try {
        const fs::file_status status = fs::status(path);
        if (!fs::exists(status)) {
            throw input_error(path, "does not exist");
        }
        if (!fs::is_directory(status) && !fs::is_regular_file(status)) {
            throw input_error(path, "is neither a file nor a folder");
        }
        require_readable(path);
        if (fs::is_directory(status)) {
            input.entries = scan_folder(path);
        } else {
            input.entries.push_back({path, fs::file_size(path), {}});
        }
    } catch (const fs::filesystem_error& error) {
        throw input_error(error.path1().empty() ? path : error.path1(),
                          "cannot be read: " + error.code().message());
    }
    for (const Entry& entry : input.entries) {
        input.total += entry.header.size() + entry.size;
    }
    if (input.total == 0) {
        throw input_error(path, "is empty");
    }
    return input;
}

fs::path default_input() {
    for (const char* candidate : {"/usr/lib/gcc", "/usr/lib/x86_64-linux-gnu", "/usr/lib/aarch64-linux-gnu",
                                  "/usr/share", "/usr/bin", "/usr/lib", "/usr"}) {
        try {
            if (scan_input(candidate).total >= kDefaultAtLeast) {
                return candidate;
            }
        } catch (const std::runtime_error&) {
            continue;  // missing or not all readable: the next
        }
    }
    throw std::runtime_error("no readable folder of 256 MiB was found below /usr; name a file or a folder");
}

void InputReader::read(std::span<std::byte> buffer) {
    while (!buffer.empty()) {
        if (entry_ == input_.entries.size()) {
            throw std::logic_error("read beyond the end of the input");
        }
        buffer = buffer.subspan(read_some(buffer));
    }
}

size_t InputReader::read_some(std::span<std::byte> buffer) {
    const Entry& entry = input_.entries[entry_];
    const uint64_t header = entry.header.size();
    size_t size = 0;
    if (position_ < header) {
        size = std::min<size_t>(buffer.size(), header - position_);
        std::memcpy(buffer.data(), entry.header.data() + position_, size);
    } else if (position_ < header + entry.size) {
        if (position_ == header) {
            file_ = std::ifstream(entry.path, std::ios::binary);
        }
        size = std::min<size_t>(buffer.size(), header + entry.size - position_);
        if (!file_.read(reinterpret_cast<char*>(buffer.data()), static_cast<std::streamsize>(size))) {
            throw input_error(entry.path, "could not be read to its end; it changed, or the disk failed");
        }
    }
    position_ += size;
    if (position_ == header + entry.size) {
        ++entry_;
        position_ = 0;
    }
    return size;
}

}  // namespace demo
