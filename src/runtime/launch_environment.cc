// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch_environment.h"

#include <charconv>
#include <initializer_list>
#include <string_view>

#include "base/endpoint.h"

namespace memfabric {
namespace {

// A job's store under Slurm: a port that all of its ranks compute alike, and that two jobs of one host seldom
// share.
constexpr uint32_t kSlurmFirstPort = 20000;
constexpr uint32_t kSlurmPorts = 10000;

class Variables {
 public:
    explicit Variables(const Options::Lookup& lookup) : lookup_(lookup) {}

    std::optional<std::string_view> text(const char* name) const {
        const char* value = lookup_(name);
        return value == nullptr || *value == '\0' ? std::nullopt : std::optional<std::string_view>(value);
    }

    /// The first of the variables that holds a number.
    std::optional<uint32_t> number(std::initializer_list<const char*> names) const {
        for (const char* name : names) {
            const std::string_view digits = text(name).value_or("");
            uint32_t value = 0;
            const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
            if (!digits.empty() && error == std::errc() && end == digits.data() + digits.size()) {
                return value;
            }
        }
        return std::nullopt;
    }

 private:
    const Options::Lookup& lookup_;
};

std::optional<LaunchEnvironment> place(std::string_view launcher, std::optional<uint32_t> rank,
                                       std::optional<uint32_t> world_size,
                                       std::optional<uint32_t> local_rank) {
    if (!rank || !world_size || *rank >= *world_size) {
        return std::nullopt;
    }
    return LaunchEnvironment{std::string(launcher), *rank, *world_size, local_rank.value_or(0), std::nullopt};
}

std::optional<std::string> url_of(std::optional<std::string_view> host, std::optional<uint32_t> port) {
    if (!host || !port || *port == 0 || *port > 65535) {
        return std::nullopt;
    }
    return "tcp://" + Endpoint{std::string(*host), static_cast<uint16_t>(*port)}.text();
}

std::optional<std::string> url_beside_master(const Variables& variables) {
    std::optional<uint32_t> port = variables.number({"MASTER_PORT"});
    if (port) {
        *port += kMasterPortOffset;
    }
    return url_of(variables.text("MASTER_ADDR"), port);
}

std::optional<LaunchEnvironment> from_mf_run(const Variables& variables) {
    auto found = place("mf run", variables.number({"MF_RANK"}), variables.number({"MF_WORLD_SIZE"}),
                       variables.number({"MF_LOCAL_RANK"}));
    if (found && variables.text("MF_STORE_URL")) {
        found->store_url = std::string(*variables.text("MF_STORE_URL"));
    }
    return found;
}

std::optional<LaunchEnvironment> from_torchrun(const Variables& variables) {
    // RANK alone is too common a name to believe.
    if (!variables.text("MASTER_ADDR") && !variables.number({"LOCAL_RANK"})) {
        return std::nullopt;
    }
    auto found = place("torchrun", variables.number({"RANK"}), variables.number({"WORLD_SIZE"}),
                       variables.number({"LOCAL_RANK"}));
    if (found) {
        found->store_url = url_beside_master(variables);
    }
    return found;
}

std::optional<LaunchEnvironment> from_mpirun(const Variables& variables) {
    auto found =
        place("mpirun", variables.number({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}),
              variables.number({"OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}),
              variables.number(
                  {"OMPI_COMM_WORLD_LOCAL_RANK", "PMIX_LOCAL_RANK", "MPI_LOCALRANKID", "SLURM_LOCALID"}));
    if (found) {
        found->store_url = url_beside_master(variables);
    }
    return found;
}

std::optional<LaunchEnvironment> from_slurm(const Variables& variables) {
    auto found = place("Slurm", variables.number({"SLURM_PROCID"}),
                       variables.number({"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"}),
                       variables.number({"SLURM_LOCALID"}));
    if (!found) {
        return std::nullopt;
    }
    found->store_url = url_beside_master(variables);
    const std::optional<uint32_t> job = variables.number({"SLURM_JOB_ID", "SLURM_JOBID"});
    if (!found->store_url && job) {
        found->store_url =
            url_of(variables.text("SLURM_LAUNCH_NODE_IPADDR"), kSlurmFirstPort + *job % kSlurmPorts);
    }
    return found;
}

}  // namespace

std::optional<LaunchEnvironment> detect_launch(const Options::Lookup& lookup) {
    const Variables variables(lookup);
    for (const auto launcher : {from_mf_run, from_torchrun, from_mpirun, from_slurm}) {
        if (auto found = launcher(variables)) {
            return found;
        }
    }
    return std::nullopt;
}

}  // namespace memfabric
