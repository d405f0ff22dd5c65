// SPDX-License-Identifier: Apache-2.0
// Reading what lies in folders where memory is short.
#include "base/attempt.h"
#include "observe/reading.h"
#include "store/tls_files.h"
#include "tests/shortage/shortage.h"
#include "tests/store/tls_fixture.h"

namespace memfabric {
namespace {

using shortage::fail_each_allocation;

void expect_done_or_without_memory(const Status& status) {
    EXPECT_TRUE(status.is_ok() || status.code() == Code::kMallocFailed)
        << static_cast<int>(status.code()) << ": " << status.message();
}

TEST(FolderShortage, certificates_of_a_folder_are_all_read_or_none) {
    const store::test::TemporaryFolder folder;
    const store::test::Pki pki(folder / "pki");
    store::TlsSettings settings;
    settings.ca_path = folder / "pki";
    const auto load = [&] { return attempt([&] { return store::load_ca_certificates(settings); }); };
    const auto all = load();
    ASSERT_TRUE(all.is_ok()) << all.status().message();
    fail_each_allocation(load, [&](const auto& loaded) {
        expect_done_or_without_memory(loaded.status());
        if (loaded.is_ok()) {
            EXPECT_EQ(loaded->size(), all->size());
        }
    });
}

TEST(FolderShortage, processes_with_counters_are_found_or_that_fails) {
    using Found = Result<std::vector<observe::Reading>>;
    const auto find = [] { return attempt([]() -> Found { return observe::read_processes(); }); };
    fail_each_allocation(find, [&](const Found& found) { expect_done_or_without_memory(found.status()); });
}

}  // namespace
}  // namespace memfabric
