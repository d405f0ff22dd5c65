// SPDX-License-Identifier: Apache-2.0
#include "slurm_nodes.h"

#include <gmock/gmock.h>

#include <stdexcept>

namespace mf {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::ThrowsMessage;

std::vector<std::string> hosts(std::string_view nodes, std::string_view counts, std::string_view own) {
    std::vector<std::string> texts;
    for (const HostSlots& slots : slurm_hosts(nodes, counts, own)) {
        texts.push_back(slots.host + ":" + std::to_string(slots.ranks));
    }
    return texts;
}

TEST(SlurmNodes, ListsAreExpanded) {
    EXPECT_THAT(expand_node_list("node1"), ElementsAre("node1"));
    EXPECT_THAT(expand_node_list("node[01-03,7],other"),
                ElementsAre("node01", "node02", "node03", "node7", "other"));
    EXPECT_THAT(expand_node_list("a[8-10]"), ElementsAre("a8", "a9", "a10"));
    EXPECT_THAT(expand_node_list("a[098-101]-ib"), ElementsAre("a098-ib", "a099-ib", "a100-ib", "a101-ib"));
    EXPECT_THAT(expand_node_list("r[1-2]n[3,4]"), ElementsAre("r1n3", "r1n4", "r2n3", "r2n4"));
}

TEST(SlurmNodes, WhatCannotBeReadIsQuoted) {
    for (const char* text : {"", "a,,b", "a[", "a]", "a[]", "a[1", "a[2-1]", "a[x]", "a[1-]", "a[-1]", "]a[",
                             "a[1-4000000000]", "a[1-99][1-99]"}) {
        EXPECT_THAT([&] { expand_node_list(text); },
                    ThrowsMessage<std::runtime_error>(HasSubstr("'" + std::string(text) + "'")))
            << text;
    }
}

TEST(SlurmNodes, TaskCountsAreExpanded) {
    EXPECT_THAT(expand_task_counts("4"), ElementsAre(4));
    EXPECT_THAT(expand_task_counts("2(x3),1"), ElementsAre(2, 2, 2, 1));
    for (const char* text :
         {"", "0", "2(x", "2(x)", "2(x0)", "2(x2", "(x2)", "2,,1", "a", "1(x4000000000)"}) {
        EXPECT_THAT([&] { expand_task_counts(text); },
                    ThrowsMessage<std::runtime_error>(HasSubstr("'" + std::string(text) + "'")))
            << text;
    }
}

TEST(SlurmNodes, HostsTakeTheTasksOfTheirNode) {
    EXPECT_THAT(hosts("n[1-3]", "2(x2),1", ""), ElementsAre("n1:2", "n2:2", "n3:1"));
    EXPECT_THAT(hosts("n[1-2]", "", ""), ElementsAre("n1:1", "n2:1"));
    EXPECT_THAT(hosts("n[1-2]", "4(x2)", "n1.cluster"), ElementsAre("localhost:4", "n2:4"));
    EXPECT_THAT([] { hosts("n[1-2]", "4", ""); }, ThrowsMessage<std::runtime_error>(HasSubstr("2 nodes")));
    EXPECT_THAT([] { hosts("-oProxyCommand=x", "1", ""); },
                ThrowsMessage<std::runtime_error>(HasSubstr("-oProxyCommand")));
}

}  // namespace
}  // namespace mf
