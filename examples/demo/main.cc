// SPDX-License-Identifier: Apache-2.0
//
// The pool at work on real data: the launcher serves the config store and starts rank processes that pool
// their DRAM; rank 0 scatters a file or a folder over the memory of all; every rank reads the whole of it
// back out of the pool; all SHA-256 sums must agree.

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string_view>

#include "control.h"
#include "input.h"
#include "launcher.h"
#include "rank.h"

namespace {

constexpr uint32_t kRanks = 4;

int rank_main(char** argv) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // should the launcher be killed
    ::fcntl(demo::kControlDescriptor, F_SETFD, FD_CLOEXEC);
    const demo::Channel launcher(demo::kControlDescriptor);
    demo::RankArguments arguments;
    arguments.rank = static_cast<uint32_t>(std::strtoul(argv[2], nullptr, 10));
    arguments.ranks = static_cast<uint32_t>(std::strtoul(argv[3], nullptr, 10));
    arguments.store_url = argv[4];
    arguments.input = argv[5];
    arguments.total = std::strtoull(argv[6], nullptr, 10);
    return demo::run_rank(arguments, launcher);
}

int usage() {
    std::fprintf(stderr,
                 "usage: pool_demo [FILE-OR-FOLDER]\n       pool_demo --default-input   prints what it takes "
                 "without one\n");
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view first = argc > 1 ? argv[1] : "";
    if (argc == 7 && first == "--rank") {
        return rank_main(argv);
    }
    if (argc > 2 || (first.starts_with('-') && first != "--default-input")) {
        return usage();
    }
    try {
        if (first == "--default-input") {
            std::printf("%s\n", demo::default_input().c_str());
            return 0;
        }
        return demo::run_launcher(argc == 2 ? argv[1] : demo::default_input(), kRanks);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "pool_demo: %s\n", error.what());
        return 1;
    }
}
