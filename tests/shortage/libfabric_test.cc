// SPDX-License-Identifier: Apache-2.0
// The start of the fabric where memory is short inside of libfabric. Each in a process of its own, which
// begins anew: what libfabric ran short of while it was loaded, it keeps to.
#include <cstdio>

#include "runtime/fabric_memory.h"
#include "tests/shortage/shortage.h"
#include "transport/fabric/fabric_transport.h"

namespace memfabric {
namespace {

using shortage::kLibfabric;
using shortage::LibraryShortage;

Status start_transport() {
    return transport::FabricTransport::start({"tcp;ofi_rxm", {{.address = "127.0.0.1"}}, "here"}).status();
}

Status start_memory() {
    Options options;
    static_cast<void>(options.set(OptionId::kFabricAddress, "127.0.0.1"));
    return start_fabric_memory(options, "here", "127.0.0.1").status();
}

bool is(bool good, const char* what, const Status& status) {
    if (!good) {
        std::fprintf(stderr, "%s: %d: %s\n", what, static_cast<int>(status.code()), status.message().c_str());
    }
    return good;
}

/// Ends the process, with 0 where the start that is short fails and the next one does not.
template <typename Start>
[[noreturn]] void fails_once(const Start& start, uint64_t after, size_t least, bool says_so) {
    bool good = false;
    {
        const LibraryShortage shortage(kLibfabric, after, least);
        const Status status = start();
        good = is(!status.is_ok() && LibraryShortage::has_struck(), "without memory", status) &&
               is(!says_so || status.code() == Code::kMallocFailed, "its code", status);
    }
    const Status status = start();
    good = is(status.is_ok(), "with memory again", status) && good;
    std::_Exit(good ? 0 : 1);
}

class StartWithoutMemory : public ::testing::Test {
 protected:
    void SetUp() override {
        GTEST_FLAG_SET(death_test_style, "threadsafe");
        if (!LibraryShortage::is_possible()) {
            GTEST_SKIP() << "a sanitizer has the allocation functions";
        }
    }
};

TEST_F(StartWithoutMemory, what_libfabric_lacks_since_it_was_loaded_comes_back) {
    for (const uint64_t after : {7, 14}) {
        SCOPED_TRACE(after);
        EXPECT_EXIT(fails_once(start_transport, after, 0, false), ::testing::ExitedWithCode(0), "");
    }
}

TEST_F(StartWithoutMemory, is_said_and_tried_again) {
    constexpr size_t kLarge = size_t{64} << 10;  // what is small comes from what the process has already
    EXPECT_EXIT(fails_once(start_memory, 0, kLarge, true), ::testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace memfabric
