// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <string>
#include <vector>

#include "bench_bm.h"
#include "bench_fabric.h"
#include "bench_trans.h"
#include "commands.h"
#include "measure/bm_pair.h"

namespace mf {
namespace {

/// The second process of `mf bench bm`. Not shown in the help.
void register_peer(CLI::App& bench, Session& session) {
    CLI::App* command = bench.add_subcommand("bm-peer", "The other rank of a benchmark")->group("");
    const auto arguments = std::make_shared<std::vector<std::string>>();
    command->add_option("arguments", *arguments)->expected(2);
    command->callback([&session, arguments] {
        session.exit_code = memfabric::measure::run_bm_peer(arguments->at(0), std::stoull(arguments->at(1)));
    });
}

void register_bm(CLI::App& bench, Session& session) {
    CLI::App* command =
        bench.add_subcommand("bm", "Copies of big memory, next to plain copies between the same memory");
    const auto settings = std::make_shared<BenchSettings>();
    command->add_option("--block-size", settings->block, "Bytes of one block")
        ->transform(CLI::AsSizeValue(false))
        ->check(CLI::PositiveNumber)
        ->capture_default_str();
    command->add_option("--batch", settings->batch, "Blocks of one call; more than 1: smem_bm_copy_batch")
        ->check(CLI::Range(1, 1 << 20))
        ->capture_default_str();
    command
        ->add_option("--threads", settings->threads, "Threads that call at once, each on a part of its own")
        ->check(CLI::Range(1, 256))
        ->capture_default_str();
    command->add_option("--seconds", settings->seconds, "How long each contender is measured")
        ->check(CLI::Range(0.1, 3600.0))
        ->capture_default_str();
    command
        ->add_option("--pool", settings->pool,
                     "Bytes that each process contributes, a multiple of 2 MiB; walked over again and again")
        ->transform(CLI::AsSizeValue(false))
        ->capture_default_str();
    command
        ->add_option("--direction", settings->direction,
                     "h2g: own memory to the peer's, g2h: back, g2g: pool to pool")
        ->check(CLI::IsMember({"h2g", "g2h", "g2g"}))
        ->capture_default_str();
    command->add_flag("--verify", settings->verify,
                      "Afterwards copy everything once more and compare every byte");
    command->add_flag("--json", settings->json, "As JSON");
    command->callback([&session, settings] {
        session.exit_code = bench_bm(*settings, {memfabric::measure::own_program(), "bench", "bm-peer"});
    });
}

}  // namespace

void register_bench(CLI::App& app, Session& session) {
    CLI::App* command =
        app.add_subcommand("bench", "Measure copies between two processes of this machine, or between hosts");
    command->require_subcommand(1);
    register_bm(*command, session);
    register_peer(*command, session);
    register_bench_trans(*command, session);
    register_bench_fabric(*command, session);
}

}  // namespace mf
