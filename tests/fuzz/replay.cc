// SPDX-License-Identifier: Apache-2.0
// Runs every fuzz target over the files of its corpus, each as it is and cut short at some places. The
// argument is the folder of the corpora. A finding ends the program as it would end the fuzzer.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#define FUZZ_TARGET(name) extern "C" int name(const uint8_t* data, size_t size);
#include "fuzz_targets.inc"
#undef FUZZ_TARGET

namespace {

using Run = int (*)(const uint8_t* data, size_t size);

struct Target {
    const char* name;
    Run run;
};

constexpr Target kTargets[] = {
#define FUZZ_TARGET(name) {#name, name},
#include "fuzz_targets.inc"
#undef FUZZ_TARGET
};

std::vector<uint8_t> content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

/// How many files there were.
size_t replay(const Target& target, const std::filesystem::path& folder) {
    size_t files = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
        const std::vector<uint8_t> bytes = content_of(entry.path());
        ++files;
        for (const size_t parts : {1, 2, 3, 5}) {
            target.run(bytes.data(), bytes.size() / parts);
        }
    }
    return files;
}

}  // namespace

int main(int count, char** words) {
    if (count != 2) {
        std::fprintf(stderr, "usage: fuzz_replay FOLDER\n");
        return 2;
    }
    bool is_complete = true;
    for (const Target& target : kTargets) {
        const size_t files = replay(target, std::filesystem::path(words[1]) / target.name);
        std::printf("%s: %zu files\n", target.name, files);
        std::fflush(stdout);
        is_complete = is_complete && files > 0;
    }
    if (!is_complete) {
        std::fprintf(stderr, "a target has no corpus\n");
    }
    return is_complete ? 0 : 1;
}
