// SPDX-License-Identifier: Apache-2.0
// The public functions: what there is no memory for is a code and a text, and can be done again.
#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <functional>
#include <string>
#include <vector>

#include "smem.h"
#include "smem_bm.h"
#include "smem_error.h"
#include "smem_shm.h"
#include "smem_trans.h"
#include "tests/shortage/shortage.h"
#include "tests/store/store_fixture.h"

namespace memfabric {
namespace {

using shortage::fail_each_allocation;
using shortage::Shortage;

constexpr uint64_t kRegion = 4U << 20;

void expect_done_or_without_memory(int32_t code) {
    EXPECT_TRUE(code == SM_OK || code == SM_MALLOC_FAILED) << code << ": " << smem_get_last_err_msg();
    if (code != SM_OK) {
        EXPECT_NE(std::string(smem_get_last_err_msg()), "");
    }
}

/// As many times as it takes; for handles, where no code is returned.
void expect_text_where_null(const void* handle) {
    if (handle == nullptr) {
        EXPECT_NE(std::string(smem_get_last_err_msg()).find("memory"), std::string::npos)
            << smem_get_last_err_msg();
    }
}

class InterfaceShortage : public ::testing::Test {
 protected:
    void SetUp() override {
        server_ = store::test::start_server();
        ASSERT_NE(server_, nullptr);
        url_ = "tcp://" + server_->endpoint().text();
    }
    std::unique_ptr<store::Server> server_;
    std::string url_;
};

class BmShortage : public InterfaceShortage {
 protected:
    void SetUp() override {
        InterfaceShortage::SetUp();
        ASSERT_EQ(smem_bm_config_init(&config_), SM_OK);
        config_.startConfigStore = false;
        config_.rankId = 0;
        config_.initTimeout = config_.createTimeout = config_.controlOperationTimeout = 20;
    }
    void TearDown() override { smem_bm_uninit(0); }
    void join() {
        ASSERT_EQ(smem_bm_init(url_.c_str(), 1, 0, &config_), SM_OK) << smem_get_last_err_msg();
        handle_ = smem_bm_create(0, 1, SMEMB_DATA_OP_SDMA, kRegion, 0, 0);
        ASSERT_NE(handle_, nullptr) << smem_get_last_err_msg();
        ASSERT_EQ(smem_bm_join(handle_, 0, &region_), SM_OK) << smem_get_last_err_msg();
    }
    smem_bm_config_t config_{};
    smem_bm_t handle_ = nullptr;
    void* region_ = nullptr;
};

TEST_F(BmShortage, initializing_is_done_or_fails) {
    fail_each_allocation([&] { return smem_bm_init(url_.c_str(), 1, 0, &config_); },
                         [&](int32_t code) {
                             expect_done_or_without_memory(code);
                             smem_bm_uninit(0);
                             EXPECT_EQ(smem_bm_init(url_.c_str(), 1, 0, &config_), SM_OK)
                                 << smem_get_last_err_msg();
                             smem_bm_uninit(0);
                         });
}

TEST_F(BmShortage, creating_is_done_or_fails) {
    ASSERT_EQ(smem_bm_init(url_.c_str(), 1, 0, &config_), SM_OK) << smem_get_last_err_msg();
    const auto create = [&] { return smem_bm_create(0, 1, SMEMB_DATA_OP_SDMA, kRegion, 0, 0); };
    fail_each_allocation(create, [&](smem_bm_t handle) {
        expect_text_where_null(handle);
        handle = handle == nullptr ? create() : handle;
        ASSERT_NE(handle, nullptr) << smem_get_last_err_msg();
        smem_bm_destroy(handle);
    });
}

TEST_F(BmShortage, joining_and_leaving_are_done_or_fail) {
    join();
    const auto leave = [&] { return smem_bm_leave(handle_, 0); };
    const auto join_again = [&] { return smem_bm_join(handle_, 0, &region_); };
    fail_each_allocation(leave, [&](int32_t code) {
        expect_done_or_without_memory(code);
        const int32_t left = code == SM_OK ? SM_OK : leave();
        // What failed when the store knew already, is done.
        EXPECT_TRUE(left == SM_OK || left == SM_NOT_STARTED) << left << ": " << smem_get_last_err_msg();
        EXPECT_EQ(join_again(), SM_OK) << smem_get_last_err_msg();
    });
    EXPECT_EQ(leave(), SM_OK) << smem_get_last_err_msg();
    fail_each_allocation(join_again, [&](int32_t code) {
        expect_done_or_without_memory(code);
        EXPECT_TRUE(code == SM_OK || join_again() == SM_OK) << smem_get_last_err_msg();
        EXPECT_EQ(leave(), SM_OK) << smem_get_last_err_msg();
    });
}

TEST_F(BmShortage, copies_are_done_or_fail) {
    join();
    std::vector<char> buffer(1U << 20, 'a');
    smem_copy_params one{buffer.data(), region_, buffer.size()};
    void* sources[] = {buffer.data(), buffer.data() + 100};
    void* destinations[] = {region_, static_cast<char*>(region_) + 100};
    const uint64_t sizes[] = {100, 200};
    smem_batch_copy_params batch{sources, destinations, sizes, 2};
    const std::function<int32_t()> calls[] = {
        [&] { return smem_bm_copy(handle_, &one, SMEMB_COPY_L2G, 0); },
        [&] { return smem_bm_copy_batch(handle_, &batch, SMEMB_COPY_L2G, 0); },
        [&] {
            const int32_t begun = smem_bm_copy(handle_, &one, SMEMB_COPY_L2G, ASYNC_COPY_FLAG);
            const int32_t ended = smem_bm_wait(handle_);
            return begun != SM_OK ? begun : ended;
        }};
    char seed = 'a';
    for (const auto& call : calls) {
        fail_each_allocation([&] { return call(); },
                             [&](int32_t code) {
                                 expect_done_or_without_memory(code);
                                 std::memset(buffer.data(), ++seed, buffer.size());
                                 EXPECT_EQ(call(), SM_OK) << smem_get_last_err_msg();
                                 EXPECT_EQ(std::memcmp(region_, buffer.data(), sizes[0]), 0);
                             });
    }
}

TEST_F(BmShortage, ends_within_it) {
    join();
    const Shortage shortage(std::chrono::milliseconds(100));
    smem_bm_uninit(0);
    EXPECT_TRUE(shortage.has_struck());
}

class ShmShortage : public InterfaceShortage {
 protected:
    void SetUp() override {
        InterfaceShortage::SetUp();
        ASSERT_EQ(smem_shm_config_init(&config_), SM_OK);
        config_.startConfigStore = false;
        config_.shmInitTimeout = config_.shmCreateTimeout = config_.controlOperationTimeout = 20;
    }
    void TearDown() override { smem_shm_uninit(0); }
    int32_t init() { return smem_shm_init(url_.c_str(), 1, 0, 0, &config_); }
    smem_shm_t create() { return smem_shm_create(0, 1, 0, kRegion, SMEMS_DATA_OP_MTE, 0, &region_); }
    smem_shm_config_t config_{};
    void* region_ = nullptr;
};

TEST_F(ShmShortage, initializing_is_done_or_fails) {
    fail_each_allocation([&] { return init(); },
                         [&](int32_t code) {
                             expect_done_or_without_memory(code);
                             smem_shm_uninit(0);
                             EXPECT_EQ(init(), SM_OK) << smem_get_last_err_msg();
                             smem_shm_uninit(0);
                         });
}

TEST_F(ShmShortage, creating_is_done_or_fails) {
    ASSERT_EQ(init(), SM_OK) << smem_get_last_err_msg();
    fail_each_allocation([&] { return create(); },
                         [&](smem_shm_t handle) {
                             expect_text_where_null(handle);
                             handle = handle == nullptr ? create() : handle;
                             ASSERT_NE(handle, nullptr) << smem_get_last_err_msg();
                             EXPECT_EQ(smem_shm_destroy(handle, 0), SM_OK) << smem_get_last_err_msg();
                         });
}

TEST_F(ShmShortage, copies_and_meetings_are_done_or_fail) {
    ASSERT_EQ(init(), SM_OK) << smem_get_last_err_msg();
    smem_shm_t const handle = create();
    ASSERT_NE(handle, nullptr) << smem_get_last_err_msg();
    std::vector<char> buffer(1U << 20, 'a');
    char gathered = 0;
    const std::function<int32_t()> calls[] = {
        [&] { return smem_shm_put(handle, region_, buffer.data(), buffer.size()); },
        [&] { return smem_shm_get(handle, buffer.data(), region_, buffer.size()); },
        [&] { return smem_shm_control_barrier(handle); },
        [&] { return smem_shm_control_allgather(handle, buffer.data(), 1, &gathered, 1); },
    };
    for (const auto& call : calls) {
        for (uint64_t after = 0; after < 100; ++after) {
            int32_t code = 0;
            {
                const Shortage shortage(after);
                code = call();
            }
            expect_done_or_without_memory(code);
            EXPECT_EQ(call(), SM_OK) << smem_get_last_err_msg();
        }
    }
    EXPECT_EQ(gathered, 'a');
}

class TransShortage : public InterfaceShortage {
 protected:
    void SetUp() override {
        InterfaceShortage::SetUp();
        smem_trans_config_init(&config_);
        config_.role = SMEM_TRANS_BOTH;
        config_.initTimeout = 20;
    }
    void TearDown() override { smem_trans_uninit(0); }
    smem_trans_config_t config_{};
};

TEST_F(TransShortage, creating_is_done_or_fails) {
    const auto create = [&] { return smem_trans_create(url_.c_str(), "127.0.0.1:4711", &config_); };
    fail_each_allocation(create, [&](smem_trans_t handle) {
        expect_text_where_null(handle);
        handle = handle == nullptr ? create() : handle;
        ASSERT_NE(handle, nullptr) << smem_get_last_err_msg();
        smem_trans_destroy(handle, 0);
    });
}

TEST_F(TransShortage, registering_and_writing_are_done_or_fail) {
    smem_trans_t const writer = smem_trans_create(url_.c_str(), "127.0.0.1:4711", &config_);
    smem_trans_t const owner = smem_trans_create(url_.c_str(), "127.0.0.1:4712", &config_);
    ASSERT_NE(writer, nullptr) << smem_get_last_err_msg();
    ASSERT_NE(owner, nullptr) << smem_get_last_err_msg();
    std::vector<char> there(1U << 20);
    std::vector<char> here(there.size(), 'x');
    fail_each_allocation([&] { return smem_trans_register_mem(owner, there.data(), there.size(), 0); },
                         [&](int32_t code) {
                             expect_done_or_without_memory(code);
                             if (code == SM_OK) {
                                 EXPECT_EQ(smem_trans_deregister_mem(owner, there.data()), SM_OK)
                                     << smem_get_last_err_msg();
                             }
                         });
    ASSERT_EQ(smem_trans_register_mem(owner, there.data(), there.size(), 0), SM_OK)
        << smem_get_last_err_msg();
    char seed = 'a';
    fail_each_allocation(
        [&] { return smem_trans_write(writer, here.data(), "127.0.0.1:4712", there.data(), here.size()); },
        [&](int32_t code) {
            expect_done_or_without_memory(code);
            std::memset(here.data(), ++seed, here.size());
            EXPECT_EQ(smem_trans_write(writer, here.data(), "127.0.0.1:4712", there.data(), here.size()),
                      SM_OK)
                << smem_get_last_err_msg();
            EXPECT_EQ(there, here);
        });
    fail_each_allocation(
        [&] { return smem_trans_deregister_mem(owner, there.data()); },
        [&](int32_t code) {
            expect_done_or_without_memory(code);
            if (code == SM_OK) {
                EXPECT_EQ(smem_trans_register_mem(owner, there.data(), there.size(), 0), SM_OK)
                    << smem_get_last_err_msg();
            }
        });
    smem_trans_destroy(writer, 0);
    smem_trans_destroy(owner, 0);
}

}  // namespace
}  // namespace memfabric
