// SPDX-License-Identifier: Apache-2.0
#include "observe/more_pages.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <string_view>
#include <utility>
#include <vector>

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

/// A text of families, to which others can be added.
class Families {
 public:
    void add(std::string_view page) {
        size_t at = 0;
        bool is_new = false;
        for (size_t size = page.find('\n') + 1; size != 0; size = page.find('\n') + 1) {
            const std::string_view line = page.substr(0, size);
            page.remove_prefix(size);
            if (line.starts_with("# HELP ")) {
                at = place_of(line);
                is_new = at == families_.size();
                if (is_new) {
                    families_.push_back({std::string(line), {}, {}});
                }
            } else if (at < families_.size() && !line.starts_with('#')) {
                families_[at].samples += line;
            } else if (is_new) {
                families_[at].type += line;
            }
        }
    }
    std::string text() const {
        std::string text;
        for (const Family& family : families_) {
            text += family.help + family.type + family.samples;
        }
        return text;
    }

 private:
    struct Family {
        std::string help;
        std::string type;
        std::string samples;
    };
    size_t place_of(std::string_view help) const {
        return static_cast<size_t>(std::ranges::find(families_, help, &Family::help) - families_.begin());
    }

    std::vector<Family> families_;
};

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
    Families families;
    for (const auto& [number, page] : pages().all) {
        families.add(page());
    }
    return families.text();
}

}  // namespace memfabric::observe
