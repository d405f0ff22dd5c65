// SPDX-License-Identifier: Apache-2.0
#include "background_store.h"

#include <sys/eventfd.h>

#include <cstdint>
#include <stdexcept>

#include "capi/private_api.h"

namespace mf {
namespace {

/// The URL, or "" where the store could not be started; filled once.
struct Outcome {
    std::promise<std::string> url;
    bool told = false;

    void tell(const std::string& text) {
        if (!told) {
            told = true;
            url.set_value(text);
        }
    }
};

void serve(const std::string& url, int stop, Outcome& outcome) {
    const auto bound = [](const char* real_url, void* context) {
        static_cast<Outcome*>(context)->tell(real_url);
    };
    static_cast<void>(mf_private_serve_store(url.c_str(), stop, bound, &outcome));  // a failure is in the log
    outcome.tell("");
}

}  // namespace

BackgroundStore::BackgroundStore(const std::string& url) : stop_(::eventfd(0, EFD_CLOEXEC)) {
    const auto outcome = std::make_shared<Outcome>();
    std::future<std::string> bound = outcome->url.get_future();
    thread_ = std::thread([outcome, url, stop = stop_.get()] { serve(url, stop, *outcome); });
    url_ = bound.get();
    if (url_.empty()) {
        thread_.join();
        throw std::runtime_error("no config store could be started at " + url);
    }
}

BackgroundStore::~BackgroundStore() {
    const uint64_t one = 1;
    // Eight bytes into a fresh event descriptor always fit.
    static_cast<void>(::write(stop_.get(), &one, sizeof one));
    thread_.join();
}

}  // namespace mf
