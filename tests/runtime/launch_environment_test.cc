// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch_environment.h"

#include <gtest/gtest.h>

#include <map>

namespace memfabric {
namespace {

using Environment = std::map<std::string, std::string>;

Options::Lookup lookup_in(const Environment& environment) {
    return [&environment](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
    };
}

std::optional<LaunchEnvironment> detect(const Environment& environment) {
    return detect_launch(lookup_in(environment));
}

/// The URL, behind "runs: " where nobody needs to serve it.
std::string store(const Environment& environment) {
    const auto found = store_of_environment(lookup_in(environment));
    return !found ? "none" : (found->is_served ? "runs: " : "") + found->url;
}

void expect(const Environment& environment, const std::string& launcher, uint32_t rank, uint32_t world_size) {
    const auto found = detect(environment);
    ASSERT_TRUE(found.has_value()) << launcher;
    EXPECT_EQ(found->launcher, launcher);
    EXPECT_EQ(found->rank, rank);
    EXPECT_EQ(found->world_size, world_size);
}

TEST(LaunchEnvironment, NothingIsFoundWhereNobodyLaunched) {
    EXPECT_FALSE(detect({}).has_value());
    EXPECT_FALSE(detect({{"RANK", "1"}, {"WORLD_SIZE", "2"}}).has_value());
}

TEST(LaunchEnvironment, MfRun) {
    expect({{"MF_RANK", "3"}, {"MF_WORLD_SIZE", "4"}}, "mf run", 3, 4);
    expect({{"MF_RANK", "0"}, {"MF_WORLD_SIZE", "1"}}, "mf run", 0, 1);
}

TEST(LaunchEnvironment, Torchrun) {
    expect({{"RANK", "5"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "1"}}, "torchrun", 5, 8);
    expect({{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_ADDR", "::1"}}, "torchrun", 0, 1);
}

TEST(LaunchEnvironment, Mpirun) {
    expect({{"OMPI_COMM_WORLD_RANK", "2"}, {"OMPI_COMM_WORLD_SIZE", "4"}, {"PMIX_RANK", "3"}}, "mpirun", 2,
           4);
    expect({{"PMI_RANK", "1"}, {"PMI_SIZE", "2"}}, "mpirun", 1, 2);
    expect({{"PMIX_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}}, "mpirun", 1, 2);
}

TEST(LaunchEnvironment, Slurm) {
    const Environment environment{{"SLURM_PROCID", "7"}, {"SLURM_NTASKS", "8"}};
    expect(environment, "Slurm", 7, 8);
    Environment step = environment;
    step["SLURM_STEP_NUM_TASKS"] = "16";  // a step may be larger than the job script said
    expect(step, "Slurm", 7, 16);
}

TEST(LaunchEnvironment, TheInnermostLauncherCounts) {
    Environment environment{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}};
    expect(environment, "Slurm", 0, 2);
    environment.insert({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}});
    expect(environment, "mpirun", 1, 4);
    environment.insert({{"RANK", "2"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "2"}});
    expect(environment, "torchrun", 2, 8);
    environment.insert({{"MF_RANK", "3"}, {"MF_WORLD_SIZE", "16"}});
    expect(environment, "mf run", 3, 16);
}

TEST(LaunchEnvironment, WhatCannotBeIsNotBelieved) {
    for (const char* rank : {"", "x", "-1", "4", "1 ", "0x1", "99999999999"}) {
        EXPECT_FALSE(detect({{"MF_RANK", rank}, {"MF_WORLD_SIZE", "4"}}).has_value()) << rank;
    }
    EXPECT_FALSE(detect({{"MF_RANK", "0"}, {"MF_WORLD_SIZE", "0"}}).has_value());
    EXPECT_FALSE(detect({{"MF_RANK", "0"}}).has_value());
}

TEST(StoreOfEnvironment, EachFormIsUnderstood) {
    EXPECT_EQ(store({}), "none");
    EXPECT_EQ(store({{"MASTER_ADDR", "node1"}, {"MASTER_PORT", "29500"}}), "tcp://node1:29511");
    EXPECT_EQ(store({{"SHMEM_MASTER_ADDR", "10.0.0.1"}, {"SHMEM_MASTER_PORT", "7000"}}),
              "tcp://10.0.0.1:7000");
    EXPECT_EQ(store({{"MF_STORE_URL", "tcp://node1:7000"}}), "runs: tcp://node1:7000");
    EXPECT_EQ(store({{"MASTER_ADDR", "fd77::1"}, {"MASTER_PORT", "1"}}), "tcp://[fd77::1]:12");
    EXPECT_EQ(store({{"MASTER_ADDR", "[fd77::1]"}, {"MASTER_PORT", "1"}}), "tcp://[fd77::1]:12");
}

TEST(StoreOfEnvironment, TheMoreParticularNameCounts) {
    Environment environment{{"MASTER_ADDR", "a"}, {"MASTER_PORT", "1"}};
    environment["MF_STORE_URL"] = "tcp://b:2";
    EXPECT_EQ(store(environment), "runs: tcp://b:2");
    environment["SHMEM_MASTER_ADDR"] = "c";
    EXPECT_EQ(store(environment), "runs: tcp://b:2");
    environment["SHMEM_MASTER_PORT"] = "none";
    EXPECT_EQ(store(environment), "runs: tcp://b:2");
    environment["SHMEM_MASTER_PORT"] = "3";
    EXPECT_EQ(store(environment), "tcp://c:3");
}

}  // namespace
}  // namespace memfabric
