// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/permanent.h"
#include "base/status.h"
#include "store/messages.h"

namespace memfabric::store {

/// One request of one session.
struct RequestKey {
    uint64_t session = 0;
    uint64_t request = 0;
    // NOLINTNEXTLINE(modernize-use-nullptr): clang-tidy sees a 0 in there
    auto operator<=>(const RequestKey&) const = default;
};

/// Shared, since the reply of a group operation is the same for all of its members.
using SharedBody = std::shared_ptr<const std::string>;

inline SharedBody empty_body() {
    static const Permanent<SharedBody> empty(std::make_shared<const std::string>());
    return empty.get();
}

inline SharedBody failure_body(const Status& status) {
    return std::make_shared<const std::string>(
        encode(Outcome{static_cast<int32_t>(status.code()), status.message()}));
}

template <typename T>
SharedBody success_body(const T& message) {
    Writer writer;
    writer.put(Outcome{});
    writer.put(message);
    return std::make_shared<const std::string>(writer.take());
}

/// Where the server's tables send what they have to say, and what they may ask about sessions.
class Outlet {
 public:
    virtual ~Outlet() = default;
    virtual void reply(RequestKey request, SharedBody body) = 0;
    virtual void notify(uint64_t session, Operation operation, SharedBody body) = 0;
    /// "pid PID on host HOST", for texts; of a suspect also since when it gives no sign.
    virtual std::string describe(uint64_t session) const = 0;
    virtual const std::string& host_of(uint64_t session) const = 0;
    virtual ProcessId process_of(uint64_t session) const = 0;
    virtual bool is_connected(uint64_t session) const = 0;
    /// Ends the session soon; its client is told why.
    virtual void evict(uint64_t session, const Status& why) = 0;

    void succeed(RequestKey request) { reply(request, failure_body(Status())); }
    template <typename T>
    void succeed(RequestKey request, const T& message) {
        reply(request, success_body(message));
    }
    void fail(RequestKey request, const Status& status) { reply(request, failure_body(status)); }
};

/// Requests of one kind that wait in a table for the same thing, and the sessions that could bring it.
struct WaitReport {
    struct Awaited {
        std::string name;  // "rank 3"
        uint64_t session = 0;
    };
    std::vector<RequestKey> waiters;
    std::string what;              // "barrier of group 'g' waits: 3 of 4 ranks came, missing: rank 2"
    std::vector<Awaited> awaited;  // the first kMaxAwaited that are known
    static constexpr size_t kMaxAwaited = 16;
};

/// What a process is told that claims from a restarted store what was given to another one since.
inline Status taken_since(const std::string& what, const std::string& holder) {
    return failure(Code::kEvicted,
                   "the store was restarted, and {} was given to a newer process ({}): join anew", what,
                   holder);
}

/// How a session ended.
enum class Departure { kLeft, kLost };

}  // namespace memfabric::store
