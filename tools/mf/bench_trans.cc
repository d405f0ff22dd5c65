// SPDX-License-Identifier: Apache-2.0
#include "bench_trans.h"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "capi/private_api.h"
#include "library.h"
#include "measure/buffer.h"
#include "measure/walk.h"
#include "trans_target.h"

namespace mf {
namespace {

namespace measure = memfabric::measure;

struct Settings {
    bool target = false;
    TargetSettings offer;
    std::string memory = "private";
    TransTarget peer;
    size_t block = size_t{128} << 10;
    size_t batch = 61;
    size_t threads = 1;
    double seconds = 3;
    std::string operation = "write";
    bool verify = false;
    bool json = false;
};

/// The byte that verification puts at a place.
std::byte pattern(size_t place) {
    constexpr uint64_t kMultiplier = 0x9E3779B97F4A7C15U;
    constexpr unsigned kTopByte = 56;
    return static_cast<std::byte>((place + 1) * kMultiplier >> kTopByte);
}

/// This process as initiator: walks over its own memory and the target's.
class Initiator {
 public:
    Initiator(const Settings& settings, const TransTarget& target)
        : target_(target),
          writes_(settings.operation == "write"),
          session_(target.store),
          local_(target.size),
          shape_{.block = settings.block, .batch = settings.batch, .threads = settings.threads} {}

    measure::WalkResult run(double seconds) {
        const auto duration = std::chrono::nanoseconds(static_cast<int64_t>(seconds * 1e9));
        const std::vector<measure::Operation> contenders = {[this](size_t offset) { transfer(offset); }};
        return measure::walk_in_turns(shape_, target_.size, duration, contenders).front();
    }

    /// Transfers everything once, and compares every byte by calls of the other direction, block by block.
    bool verify() {
        const size_t operation = shape_.operation_bytes();
        const size_t size = target_.size / operation / shape_.threads * shape_.threads * operation;
        fill(size);
        if (!writes_) {
            each_block(size, [this](size_t local, size_t remote) {
                check_call(smem_trans_write(session_.handle(), local_.data() + local, target_.session.c_str(),
                                            at(remote), shape_.block),
                           "smem_trans_write");
                return true;
            });
            std::memset(local_.data(), 0xFF, size);
        }
        measure::walk_once(shape_, target_.size, [this](size_t offset) { transfer(offset); });
        if (!writes_) {
            return holds_pattern(local_.data(), 0, size);
        }
        std::vector<std::byte> block(shape_.block);
        return each_block(size, [this, &block](size_t local, size_t remote) {
            check_call(smem_trans_read(session_.handle(), block.data(), target_.session.c_str(), at(remote),
                                       block.size()),
                       "smem_trans_read");
            return holds_pattern(block.data(), local, block.size());
        });
    }

    /// What moved by which path.
    nlohmann::ordered_json paths() const {
        const LibraryText text(mf_private_trans_counters_json(session_.handle()));
        return text.ok ? nlohmann::ordered_json::parse(text.text) : nlohmann::ordered_json();
    }

 private:
    void* at(size_t offset) const {
        return reinterpret_cast<void*>(static_cast<uintptr_t>(target_.address + offset));
    }

    /// Blocks lie in the opposite order there, so that neighbours cannot be joined into one piece.
    size_t remote_offset(size_t offset, size_t i) const {
        return offset + (shape_.batch - 1 - i) * shape_.block;
    }

    void transfer(size_t offset) const {
        std::vector<void*> local(shape_.batch);
        std::vector<void*> remote(shape_.batch);
        std::vector<size_t> sizes(shape_.batch, shape_.block);
        for (size_t i = 0; i < shape_.batch; ++i) {
            local[i] = local_.data() + offset + i * shape_.block;
            remote[i] = at(remote_offset(offset, i));
        }
        const char* const peer = target_.session.c_str();
        const auto count = static_cast<uint32_t>(shape_.batch);
        if (writes_) {
            check_call(smem_trans_batch_write(session_.handle(), const_cast<const void**>(local.data()), peer,
                                              remote.data(), sizes.data(), count),
                       "smem_trans_batch_write");
        } else {
            check_call(smem_trans_batch_read(session_.handle(), local.data(), peer,
                                             const_cast<const void**>(remote.data()), sizes.data(), count),
                       "smem_trans_batch_read");
        }
    }

    void fill(size_t size) const {
        for (size_t i = 0; i < size; ++i) {
            local_.data()[i] = pattern(i);
        }
    }

    static bool holds_pattern(const std::byte* data, size_t place, size_t size) {
        for (size_t i = 0; i < size; ++i) {
            if (data[i] != pattern(place + i)) {
                return false;
            }
        }
        return true;
    }

    /// Whether `check` says so of every block's place here and there.
    template <typename Check>
    bool each_block(size_t size, const Check& check) const {
        for (size_t offset = 0; offset < size; offset += shape_.operation_bytes()) {
            for (size_t i = 0; i < shape_.batch; ++i) {
                if (!check(offset + i * shape_.block, remote_offset(offset, i))) {
                    return false;
                }
            }
        }
        return true;
    }

    TransTarget target_;
    bool writes_;
    TransSession session_;
    measure::Buffer local_;
    measure::WalkShape shape_;
};

constexpr double kNanosecondsPerMicrosecond = 1000;

double microseconds(const measure::WalkResult& result, double share) {
    return static_cast<double>(result.latencies.quantile(share)) / kNanosecondsPerMicrosecond;
}

void print_json(const Settings& settings, const TransTarget& target, const measure::WalkResult& result,
                const nlohmann::ordered_json& paths, std::optional<bool> verified) {
    nlohmann::ordered_json object = {{"operation", settings.operation},
                                     {"block", settings.block},
                                     {"batch", settings.batch},
                                     {"threads", settings.threads},
                                     {"pool", target.size},
                                     {"gigabytes_per_second", result.gigabytes_per_second()},
                                     {"p50_us", microseconds(result, 0.5)},
                                     {"p99_us", microseconds(result, 0.99)},
                                     {"p99.9_us", microseconds(result, 0.999)},
                                     {"operations", result.latencies.count()},
                                     {"bytes", result.bytes},
                                     {"paths", paths}};
    if (verified) {
        object["verified"] = *verified;
    }
    std::printf("%s\n", object.dump(2).c_str());
}

void print_table(const Settings& settings, const TransTarget& target, const measure::WalkResult& result,
                 const nlohmann::ordered_json& paths, std::optional<bool> verified) {
    std::printf("%s to session %s, %zu bytes a block, %zu a call, %zu threads, walking over %zu MiB\n",
                settings.operation.c_str(), target.session.c_str(), settings.block, settings.batch,
                settings.threads, target.size >> 20);
    std::printf("%.2f GB/s   p50 %.2f us   p99 %.2f us   p99.9 %.2f us   %llu operations\n",
                result.gigabytes_per_second(), microseconds(result, 0.5), microseconds(result, 0.99),
                microseconds(result, 0.999), static_cast<unsigned long long>(result.latencies.count()));
    for (const auto& [path, count] : paths.items()) {
        if (count.is_object() && count.value("bytes", uint64_t{0}) > 0) {
            std::printf("path: %s\n", path.c_str());
        }
    }
    if (verified) {
        std::printf("%s\n", *verified ? "verified: every byte arrived"
                                      : "VERIFICATION FAILED: the destination differs from the source");
    }
}

int initiate(const Settings& settings, const TransTarget& target) {
    Initiator initiator(settings, target);
    const measure::WalkResult result = initiator.run(settings.seconds);
    const nlohmann::ordered_json paths = initiator.paths();  // before verification goes the other way, too
    const std::optional<bool> verified = settings.verify ? std::optional(initiator.verify()) : std::nullopt;
    (settings.json ? print_json : print_table)(settings, target, result, paths, verified);
    return verified.value_or(true) ? 0 : 1;
}

int bench_trans(Settings& settings) {
    settings.offer.library_memory = settings.memory == "library";
    settings.offer.store = settings.peer.store;
    if (settings.target) {
        return serve_target(settings.offer);
    }
    if (!settings.peer.session.empty()) {
        settings.peer.size = settings.offer.size;
        return initiate(settings, settings.peer);
    }
    if (!settings.peer.store.empty()) {
        throw std::runtime_error("--store needs --target, or --peer and --address as the target prints them");
    }
    const TargetProcess child(settings.offer);
    return initiate(settings, child.target());
}

void add_place_options(CLI::App& command, Settings& settings) {
    command.add_flag("--target", settings.target,
                     "Offer memory, print the initiator's command line, and serve until SIGINT or SIGTERM");
    command.add_option("--store", settings.peer.store,
                       "Config store tcp://host:port; a target without it serves one of its own");
    CLI::Option* const address =
        command.add_option("--address", settings.peer.address, "Address of the target's memory");
    CLI::Option* const peer =
        command.add_option("--peer", settings.peer.session, "Session of the target, as it prints it")
            ->needs("--store")
            ->needs(address)
            ->excludes("--target");
    address->needs(peer);
    command
        .add_option("--memory", settings.memory,
                    "The target's memory: private to its process, or the library's, which is mapped")
        ->check(CLI::IsMember({"private", "library"}))
        ->capture_default_str();
    command.add_option("--pool", settings.offer.size, "Bytes of the target, walked over again and again")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command.add_flag("--until-input-ends", settings.offer.until_input_ends)->group("");
}

void add_load_options(CLI::App& command, Settings& settings) {
    command.add_option("--block-size", settings.block, "Bytes of one block")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command.add_option("--batch", settings.batch, "Blocks of one call")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command.add_option("--threads", settings.threads, "Threads that call at once, each on a part of its own")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    command.add_option("--seconds", settings.seconds, "How long it is measured")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    command.add_option("--operation", settings.operation, "Direction")
        ->check(CLI::IsMember({"write", "read"}))
        ->capture_default_str();
    command.add_flag("--verify", settings.verify,
                     "Afterwards transfer everything once more and compare every byte");
    command.add_flag("--json", settings.json, "As JSON");
}

}  // namespace

void register_bench_trans(CLI::App& bench, Session& session) {
    CLI::App* command = bench.add_subcommand(
        "trans", "Transfers between two sessions; without --target and --peer it starts a target of its own");
    const auto settings = std::make_shared<Settings>();
    add_place_options(*command, *settings);
    add_load_options(*command, *settings);
    command->callback([&session, settings] { session.exit_code = bench_trans(*settings); });
}

}  // namespace mf
