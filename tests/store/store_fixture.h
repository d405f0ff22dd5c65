// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "store/client.h"
#include "store/server.h"

namespace memfabric::store::test {

/// Long enough that only a hang reaches it.
inline Deadline soon() {
    return Deadline::after_seconds(30);
}

inline Deadline briefly() {
    return Deadline::after(std::chrono::milliseconds(60));
}

inline Result<std::unique_ptr<Server>> start_at(Endpoint endpoint, Options options = {},
                                                std::optional<TlsSettings> tls = std::nullopt) {
    ServerConfig config;
    config.endpoint = std::move(endpoint);
    config.options = std::move(options);
    config.tls = std::move(tls);
    return Server::start(std::move(config));
}

inline std::unique_ptr<Server> start_server(Options options = {}, const std::string& host = "127.0.0.1") {
    Result<std::unique_ptr<Server>> server = start_at({host, 0}, std::move(options));
    EXPECT_TRUE(server.is_ok()) << server.status().message();
    return server.is_ok() ? std::move(server).value() : nullptr;
}

inline ClientConfig client_config(const Endpoint& endpoint, const std::string& host_id = "host-a",
                                  int64_t pid = 1) {
    ClientConfig config{endpoint, std::nullopt, make_incarnation(Options()), Options()};
    config.incarnation.host_id = host_id;
    config.incarnation.pid = pid;
    return config;
}

inline std::shared_ptr<Client> connect(const Endpoint& endpoint, const std::string& host_id = "host-a",
                                       int64_t pid = 1) {
    Result<std::shared_ptr<Client>> client = Client::connect(client_config(endpoint, host_id, pid), soon());
    EXPECT_TRUE(client.is_ok()) << client.status().message();
    return client.is_ok() ? std::move(client).value() : nullptr;
}

#define MF_EXPECT_OK(expression)                                              \
    do {                                                                      \
        const auto& mf_outcome_ = (expression);                               \
        EXPECT_TRUE(mf_outcome_.is_ok()) << status_of(mf_outcome_).message(); \
    } while (false)

#define MF_EXPECT_FAILURE(expression, expected_code, ...)                                            \
    do {                                                                                             \
        const auto& mf_outcome_ = (expression);                                                      \
        EXPECT_EQ(status_of(mf_outcome_).code(), expected_code) << status_of(mf_outcome_).message(); \
        for (const char* mf_part_ : std::initializer_list<const char*>{__VA_ARGS__}) {               \
            EXPECT_NE(status_of(mf_outcome_).message().find(mf_part_), std::string::npos)            \
                << "'" << mf_part_ << "' is not in: " << status_of(mf_outcome_).message();           \
        }                                                                                            \
    } while (false)

inline const Status& status_of(const Status& status) {
    return status;
}

template <typename T>
const Status& status_of(const Result<T>& result) {
    return result.status();
}

/// Runs a blocking call on a thread of its own.
template <typename Function>
auto in_background(Function function) {
    return std::async(std::launch::async, std::move(function));
}

template <typename T>
bool is_ready(const std::future<T>& future) {
    return future.wait_for(std::chrono::seconds(0)) == std::future_status::ready;
}

/// Collects what handlers hear; the test waits for it. Copies share what they collect: handlers have their
/// own one, as clients hear things until they end, when the test's is gone.
template <typename T>
class Heard {
 public:
    void add(T item) const {
        const std::lock_guard lock(all_->mutex);
        all_->items.push_back(std::move(item));
        all_->changed.notify_all();
    }
    /// What adds to it.
    auto listener() const {
        return [heard = *this](const T& item) { heard.add(item); };
    }
    /// The items, once there are `count` of them; those that are there after 30 s otherwise.
    std::vector<T> wait_for(size_t count) const {
        std::unique_lock lock(all_->mutex);
        all_->changed.wait_for(lock, std::chrono::seconds(30), [&] { return all_->items.size() >= count; });
        return all_->items;
    }

 private:
    struct All {
        std::mutex mutex;
        std::condition_variable changed;
        std::vector<T> items;
    };
    std::shared_ptr<All> all_ = std::make_shared<All>();
};

}  // namespace memfabric::store::test
