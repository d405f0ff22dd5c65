// SPDX-License-Identifier: Apache-2.0
#include "base/weak_map.h"

#include <gtest/gtest.h>

#include <vector>

namespace memfabric {
namespace {

TEST(WeakMap, HasWhatItsOwnerHas) {
    WeakMap<int, int> map;
    auto value = std::make_shared<int>(7);
    map.put(1, value);
    EXPECT_EQ(map.find(1), value);
    EXPECT_EQ(map.find(2), nullptr);
    value.reset();
    EXPECT_EQ(map.find(1), nullptr);
    const auto next = std::make_shared<int>(8);
    map.put(1, next);
    EXPECT_EQ(map.find(1), next);
}

TEST(WeakMap, DoesNotGrowWithWhatIsGone) {
    WeakMap<int, int> map;
    std::vector<std::shared_ptr<int>> kept;
    for (int i = 0; i < 100000; ++i) {
        const auto value = std::make_shared<int>(i);
        map.put(i, value);
        if (i % 1000 == 0) {
            kept.push_back(value);
        }
    }
    EXPECT_LE(map.size(), 2 * kept.size() + 1);
    for (const auto& value : kept) {
        EXPECT_EQ(map.find(*value), value);
    }
}

}  // namespace
}  // namespace memfabric
