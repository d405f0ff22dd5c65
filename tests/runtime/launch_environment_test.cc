// SPDX-License-Identifier: Apache-2.0
#include "runtime/launch_environment.h"

#include <gtest/gtest.h>

#include <map>

namespace memfabric {
namespace {

using Environment = std::map<std::string, std::string>;

std::optional<LaunchEnvironment> detect(const Environment& environment) {
    return detect_launch([&environment](const char* name) -> const char* {
        const auto found = environment.find(name);
        return found == environment.end() ? nullptr : found->second.c_str();
    });
}

void expect(const Environment& environment, const std::string& launcher, uint32_t rank, uint32_t world_size,
            uint32_t local_rank, const std::string& url) {
    const auto found = detect(environment);
    ASSERT_TRUE(found.has_value()) << launcher;
    EXPECT_EQ(found->launcher, launcher);
    EXPECT_EQ(found->rank, rank);
    EXPECT_EQ(found->world_size, world_size);
    EXPECT_EQ(found->local_rank, local_rank);
    EXPECT_EQ(found->store_url.value_or(""), url);
}

TEST(LaunchEnvironment, NothingIsFoundWhereNobodyLaunched) {
    EXPECT_FALSE(detect({}).has_value());
    EXPECT_FALSE(detect({{"RANK", "1"}, {"WORLD_SIZE", "2"}}).has_value());
}

TEST(LaunchEnvironment, MfRun) {
    expect({{"MF_RANK", "3"},
            {"MF_WORLD_SIZE", "4"},
            {"MF_LOCAL_RANK", "1"},
            {"MF_STORE_URL", "tcp://127.0.0.1:5000"}},
           "mf run", 3, 4, 1, "tcp://127.0.0.1:5000");
    expect({{"MF_RANK", "0"}, {"MF_WORLD_SIZE", "1"}}, "mf run", 0, 1, 0, "");
}

TEST(LaunchEnvironment, Torchrun) {
    expect({{"RANK", "5"},
            {"WORLD_SIZE", "8"},
            {"LOCAL_RANK", "1"},
            {"MASTER_ADDR", "node0"},
            {"MASTER_PORT", "29500"}},
           "torchrun", 5, 8, 1, "tcp://node0:29511");
    expect({{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_ADDR", "::1"}, {"MASTER_PORT", "1"}}, "torchrun", 0,
           1, 0, "tcp://[::1]:12");
    expect({{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"MASTER_ADDR", "a"}, {"MASTER_PORT", "65530"}}, "torchrun",
           0, 1, 0, "");
    expect({{"RANK", "0"}, {"WORLD_SIZE", "1"}, {"LOCAL_RANK", "0"}}, "torchrun", 0, 1, 0, "");
}

TEST(LaunchEnvironment, Mpirun) {
    expect({{"OMPI_COMM_WORLD_RANK", "2"},
            {"OMPI_COMM_WORLD_SIZE", "4"},
            {"OMPI_COMM_WORLD_LOCAL_RANK", "0"},
            {"PMIX_RANK", "2"}},
           "mpirun", 2, 4, 0, "");
    expect({{"PMI_RANK", "1"},
            {"PMI_SIZE", "2"},
            {"MPI_LOCALRANKID", "1"},
            {"MASTER_ADDR", "h"},
            {"MASTER_PORT", "100"}},
           "mpirun", 1, 2, 1, "tcp://h:111");
    expect({{"PMIX_RANK", "1"}, {"SLURM_STEP_NUM_TASKS", "2"}, {"SLURM_LOCALID", "1"}}, "mpirun", 1, 2, 1,
           "");
}

TEST(LaunchEnvironment, Slurm) {
    const Environment environment{{"SLURM_PROCID", "7"},
                                  {"SLURM_NTASKS", "8"},
                                  {"SLURM_LOCALID", "3"},
                                  {"SLURM_JOB_ID", "123456"},
                                  {"SLURM_LAUNCH_NODE_IPADDR", "10.0.0.1"}};
    expect(environment, "Slurm", 7, 8, 3, "tcp://10.0.0.1:23456");
    Environment with_master = environment;
    with_master.insert({{"MASTER_ADDR", "n1"}, {"MASTER_PORT", "3000"}});
    expect(with_master, "Slurm", 7, 8, 3, "tcp://n1:3011");
    Environment step = environment;
    step["SLURM_STEP_NUM_TASKS"] = "16";  // a step may be larger than the job script said
    expect(step, "Slurm", 7, 16, 3, "tcp://10.0.0.1:23456");
}

TEST(LaunchEnvironment, TheInnermostLauncherCounts) {
    Environment environment{{"SLURM_PROCID", "0"}, {"SLURM_NTASKS", "2"}};
    expect(environment, "Slurm", 0, 2, 0, "");
    environment.insert({{"OMPI_COMM_WORLD_RANK", "1"}, {"OMPI_COMM_WORLD_SIZE", "4"}});
    expect(environment, "mpirun", 1, 4, 0, "");
    environment.insert({{"RANK", "2"}, {"WORLD_SIZE", "8"}, {"LOCAL_RANK", "2"}});
    expect(environment, "torchrun", 2, 8, 2, "");
    environment.insert({{"MF_RANK", "3"}, {"MF_WORLD_SIZE", "16"}});
    expect(environment, "mf run", 3, 16, 0, "");
}

TEST(LaunchEnvironment, WhatCannotBeIsNotBelieved) {
    for (const char* rank : {"", "x", "-1", "4", "1 ", "0x1", "99999999999"}) {
        EXPECT_FALSE(detect({{"MF_RANK", rank}, {"MF_WORLD_SIZE", "4"}}).has_value()) << rank;
    }
    EXPECT_FALSE(detect({{"MF_RANK", "0"}, {"MF_WORLD_SIZE", "0"}}).has_value());
    EXPECT_FALSE(detect({{"MF_RANK", "0"}}).has_value());
}

}  // namespace
}  // namespace memfabric
