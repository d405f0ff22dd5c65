// SPDX-License-Identifier: Apache-2.0
// Metrics of the config store on this machine.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <functional>
#include <latch>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/incarnation.h"
#include "common/report.h"
#include "local/placement.h"
#include "local/raw_ping_pong.h"
#include "local/server_process.h"
#include "measure/statistics.h"
#include "store/client.h"
#include "store/server.h"

namespace memfabric::bench {
namespace {

constexpr unsigned kTimeoutSeconds = 60;
constexpr double kMicro = 1e6;

Deadline soon() {
    return Deadline::after_seconds(kTimeoutSeconds);
}

void check(const Status& status) {
    if (!status.is_ok()) {
        throw std::runtime_error(status.message());
    }
}

void serve_store(const ServerProcess::Announce& announce) {
    store::ServerConfig config;
    config.endpoint.host = "127.0.0.1";
    const auto server = store::Server::start(std::move(config));
    check(server.status());
    announce((*server)->endpoint().port);
    std::latch(1).wait();  // until this process is killed
}

std::shared_ptr<store::Client> connect_to(uint16_t port) {
    store::ClientConfig config;
    config.endpoint.host = "127.0.0.1";
    config.endpoint.port = port;
    config.incarnation = make_incarnation(config.options);
    const auto client = store::Client::connect(std::move(config), soon());
    check(client.status());
    return *client;
}

/// Microseconds a round of both, medians of samples that take turns.
struct Pair {
    double subject = 0;
    double reference = 0;
};

Pair take_turns(size_t samples, size_t rounds, const std::function<void(size_t rounds)>& subject,
                const std::function<void(size_t rounds)>& reference) {
    std::vector<double> of_subject;
    std::vector<double> of_reference;
    subject(rounds / 10 + 1);
    reference(rounds / 10 + 1);
    for (size_t i = 0; i < samples; ++i) {
        of_subject.push_back(measure::seconds_of([&] { subject(rounds); }));
        of_reference.push_back(measure::seconds_of([&] { reference(rounds); }));
    }
    const double scale = kMicro / static_cast<double>(rounds);
    return {.subject = measure::median(of_subject) * scale,
            .reference = measure::median(of_reference) * scale};
}

Metric roundtrip(uint16_t store_port, uint16_t raw_port, size_t samples) {
    constexpr size_t kRounds = 2000;
    const OnCore placement(OnCore::kFirst);
    const auto client = connect_to(store_port);
    const PingClient raw(raw_port);
    // With the key and what the protocol adds about as long as the raw message.
    const std::string value(32, 'v');
    const Pair pair = take_turns(
        samples, kRounds,
        [&](size_t rounds) {
            for (size_t i = 0; i < rounds; ++i) {
                check(client->set("bench/key", value, soon()));
            }
        },
        [&](size_t rounds) {
            for (size_t i = 0; i < rounds; ++i) {
                raw.ping();
            }
        });
    return {.name = "store_roundtrip",
            .value = pair.subject,
            .unit = "us",
            .reference = pair.reference,
            .better = Better::kSmaller};
}

/// Runs `work(index)` on `count` threads at once and passes the first exception on.
void on_threads(size_t count, const std::function<void(size_t index)>& work) {
    std::vector<std::exception_ptr> errors(count);
    {
        std::vector<std::jthread> threads;
        for (size_t index = 0; index < count; ++index) {
            threads.emplace_back([&, index] {
                try {
                    work(index);
                } catch (...) {
                    errors[index] = std::current_exception();
                }
            });
        }
    }
    for (const std::exception_ptr& error : errors) {
        if (error) {
            std::rethrow_exception(error);
        }
    }
}

Metric barrier(uint16_t store_port, uint16_t raw_port, size_t samples) {
    constexpr uint32_t kClients = 64;
    constexpr size_t kRounds = 100;
    std::vector<std::shared_ptr<store::Client>> clients;
    std::vector<std::unique_ptr<PingClient>> raw;
    for (uint32_t i = 0; i < kClients; ++i) {
        clients.push_back(connect_to(store_port));
        raw.push_back(std::make_unique<PingClient>(raw_port));
    }
    const Pair pair = take_turns(
        samples, kRounds,
        [&](size_t rounds) {
            on_threads(kClients, [&](size_t index) {
                for (size_t i = 0; i < rounds; ++i) {
                    check(clients[index]->barrier("bench", kClients, static_cast<uint32_t>(index), soon()));
                }
            });
        },
        [&](size_t rounds) {
            on_threads(kClients, [&](size_t index) {
                for (size_t i = 0; i < rounds; ++i) {
                    raw[index]->ping();
                }
            });
        });
    return {.name = "store_barrier_64",
            .value = pair.subject,
            .unit = "us",
            .reference = pair.reference,
            .better = Better::kSmaller};
}

void run(size_t samples, bool json) {
    const ServerProcess store(&serve_store);
    const ServerProcess blocking(&serve_blocking);
    const ServerProcess epoll(&serve_by_epoll);
    const Report report(json);
    report.print(roundtrip(store.port(), blocking.port(), samples));
    report.print(barrier(store.port(), epoll.port(), samples));
}

}  // namespace
}  // namespace memfabric::bench

int main(int argc, char** argv) {
    size_t samples = 15;
    bool json = false;
    CLI::App app("Metrics of the config store on this machine");
    app.add_option("--rounds", samples, "samples of each contender")->check(CLI::Range(1, 100000));
    app.add_flag("--json", json, "JSON objects instead of tab-separated lines");
    CLI11_PARSE(app, argc, argv);
    try {
        memfabric::bench::run(samples, json);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_store: %s\n", error.what());
        return 1;
    }
}
