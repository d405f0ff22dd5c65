// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch_environment.h"

#include <fmt/core.h>

#include <charconv>
#include <initializer_list>
#include <string_view>

#include "base/log.h"

namespace memfabric {
namespace {

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
                                       std::optional<uint32_t> world_size) {
    if (!rank || !world_size || *rank >= *world_size) {
        return std::nullopt;
    }
    return LaunchEnvironment{launcher, *rank, *world_size};
}

std::optional<LaunchEnvironment> from_mf_run(const Variables& variables) {
    return place("mf run", variables.number({"MF_RANK"}), variables.number({"MF_WORLD_SIZE"}));
}

std::optional<LaunchEnvironment> from_torchrun(const Variables& variables) {
    // RANK alone is too common a name to believe.
    if (!variables.text("MASTER_ADDR") && !variables.number({"LOCAL_RANK"})) {
        return std::nullopt;
    }
    return place("torchrun", variables.number({"RANK"}), variables.number({"WORLD_SIZE"}));
}

std::optional<LaunchEnvironment> from_mpirun(const Variables& variables) {
    return place("mpirun", variables.number({"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK"}),
                 variables.number({"OMPI_COMM_WORLD_SIZE", "PMIX_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"}));
}

std::optional<LaunchEnvironment> from_slurm(const Variables& variables) {
    return place("Slurm", variables.number({"SLURM_PROCID"}),
                 variables.number({"SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS"}));
}

std::optional<StorePlace> store_at(const Variables& variables, const char* address, const char* port,
                                   uint32_t distance) {
    const auto host = variables.text(address);
    const auto number = variables.number({port});
    if (!host || !number) {
        return std::nullopt;
    }
    const bool needs_brackets = host->find(':') != std::string_view::npos && host->front() != '[';
    const uint64_t sum = uint64_t{*number} + distance;
    return StorePlace{needs_brackets ? fmt::format("tcp://[{}]:{}", *host, sum)
                                     : fmt::format("tcp://{}:{}", *host, sum)};
}

}  // namespace

std::optional<LaunchEnvironment> detect_launch(const Options::Lookup& lookup) {
    const Variables variables(lookup);
    for (const auto launcher : {from_mf_run, from_torchrun, from_mpirun, from_slurm}) {
        if (const auto found = launcher(variables)) {
            log_info("the environment is that of {}: rank {} of {}", found->launcher, found->rank,
                     found->world_size);
            return found;
        }
    }
    return std::nullopt;
}

std::optional<StorePlace> store_of_environment(const Options::Lookup& lookup) {
    constexpr uint32_t kFromMasterPort = 11;
    const Variables variables(lookup);
    if (auto place = store_at(variables, "SHMEM_MASTER_ADDR", "SHMEM_MASTER_PORT", 0)) {
        return place;
    }
    if (const auto url = variables.text("MF_STORE_URL")) {
        return StorePlace{std::string(*url), true};
    }
    return store_at(variables, "MASTER_ADDR", "MASTER_PORT", kFromMasterPort);
}

}  // namespace memfabric
