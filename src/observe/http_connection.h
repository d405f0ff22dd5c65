// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/deadline.h"
#include "base/fd.h"

namespace memfabric::observe {

/// The answer to a request for HTTP/1.x, of which the header's lines are there, and "GET /metrics" the one
/// that has an answer.
std::string http_answer(std::string_view request, const std::function<std::string()>& page);

/// One connection that asks once. Never waits; whoever asks slowly, or for too much, is cut off.
class HttpConnection {
 public:
    explicit HttpConnection(Fd descriptor);

    int descriptor() const { return descriptor_.get(); }
    /// POLLIN or POLLOUT: what it waits for.
    short events() const;
    Deadline deadline() const { return deadline_; }
    /// To be called when that is so; false once it is over.
    bool go_on(const std::function<std::string()>& page);

 private:
    bool read_some();
    bool write_some();

    Fd descriptor_;
    Deadline deadline_;
    std::string request_;
    std::string answer_;  // what is still to be sent
};

}  // namespace memfabric::observe
