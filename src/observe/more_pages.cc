// SPDX-License-Identifier: Apache-2.0
#include "observe/more_pages.h"

#include <map>
#include <mutex>
#include <utility>

#include "base/fork_guard.h"
#include "base/permanent.h"

namespace memfabric::observe {
namespace {

struct Pages {
    std::mutex mutex;
    uint64_t next = 0;
    std::map<uint64_t, MorePages::Page> all;
};

Pages& pages() {
    static Permanent<Pages> pages;
    return pages.get();
}

}  // namespace

MorePages::MorePages(Page page) {
    const std::lock_guard lock(pages().mutex);
    number_ = pages().next++;
    pages().all.emplace(number_, std::move(page));
}

MorePages::~MorePages() {
    if (in_forked_child()) {
        return;  // a thread of the parent's may have held the lock
    }
    const std::lock_guard lock(pages().mutex);
    pages().all.erase(number_);
}

std::string more_pages() {
    const std::lock_guard lock(pages().mutex);
    std::string text;
    for (const auto& [number, page] : pages().all) {
        text += page();
    }
    return text;
}

}  // namespace memfabric::observe
