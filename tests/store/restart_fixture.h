// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <utility>

#include "tests/store/tcp_proxy.h"

namespace memfabric::store::test {

/// A folder that goes with the object.
class Folder {
 public:
    Folder() {
        std::string path = (std::filesystem::temp_directory_path() / "mf-restart-XXXXXX").string();
        EXPECT_NE(::mkdtemp(path.data()), nullptr);
        path_ = path;
    }
    ~Folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    Folder(const Folder&) = delete;
    Folder& operator=(const Folder&) = delete;
    const std::filesystem::path& path() const { return path_; }

 private:
    std::filesystem::path path_;
};

/// A store that can die as if it were killed: no client hears a word, and what it keeps in files stays.
class MortalStore {
 public:
    MortalStore() : MortalStore(settling("300ms")) {}
    explicit MortalStore(Options options, std::string data = {})
        : options_(std::move(options)), data_(std::move(data)) {
        start();
    }

    static Options settling(const char* duration, const char* lost_after = "1m") {
        Options options;
        MF_EXPECT_OK(options.set(OptionId::kStoreSettle, duration));
        MF_EXPECT_OK(options.set(OptionId::kLostAfter, lost_after));
        return options;
    }

    void kill() {
        for (const auto& proxy : proxies_) {
            proxy->close_door(true);
            proxy->cut();
        }
        const std::string file = identity_file();
        std::ostringstream kept;
        kept << std::ifstream(file).rdbuf();
        server_.reset();
        std::ofstream(file) << kept.str();
    }
    /// Starts it at the address that it had. Its clients find it once open_doors() was called.
    void start() { MF_EXPECT_OK(try_start()); }
    Status try_start() {
        ServerConfig config;
        config.endpoint = endpoint_;
        config.options = options_;
        config.runtime_folder = folder_.path().string();
        config.data_folder = data_;
        Result<std::unique_ptr<Server>> server = Server::start(std::move(config));
        MF_RETURN_IF_ERROR(server.status());
        server_ = std::move(server).value();
        endpoint_ = server_->endpoint();
        return {};
    }
    void keep_data_in(std::string folder) { data_ = std::move(folder); }
    void open_doors() {
        for (const auto& proxy : proxies_) {
            proxy->close_door(false);
        }
    }
    void restart() {
        kill();
        start();
        open_doors();
    }
    /// Ends it in good order.
    void stop() { server_.reset(); }

    /// A client that is cut off when the store dies, by a proxy of its own: the n-th call makes proxy(n).
    std::shared_ptr<Client> client(const std::string& host = "host-a", int64_t pid = 1) {
        proxies_.push_back(std::make_unique<TcpProxy>(endpoint_));
        return connect(proxies_.back()->endpoint(), host, pid);
    }
    std::shared_ptr<Client> client(const Incarnation& process) {
        proxies_.push_back(std::make_unique<TcpProxy>(endpoint_));
        return Client::connect({proxies_.back()->endpoint(), std::nullopt, process, Options()}, soon())
            .value();
    }
    TcpProxy& proxy(size_t number) { return *proxies_.at(number); }

    const Endpoint& endpoint() const { return endpoint_; }
    std::string identity_file() const {
        return (folder_.path() / ("127.0.0.1-" + std::to_string(endpoint_.port) + ".store")).string();
    }

 private:
    Folder folder_;
    Options options_;
    std::string data_;
    Endpoint endpoint_{"127.0.0.1", 0};
    std::unique_ptr<Server> server_;
    std::vector<std::unique_ptr<TcpProxy>> proxies_;
};

inline void ignore_events(const MemberEvent&) {}

}  // namespace memfabric::store::test
