// SPDX-License-Identifier: Apache-2.0
#include "shmem/fake_job.h"

#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <memory>
#include <utility>

#include "capi/private_api.h"
#include "shmem/counters.h"
#include "shmem/hosts.h"
#include "shmem/mail.h"
#include "shmem/remote.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/waiting.h"
#include "smem.h"
#include "smem_shm.h"

namespace memfabric::shmem {

// What other files of src/shmem give to those under test.

State the_state;
std::atomic<uint32_t> long_waits{0};

ToldWait::ToldWait(const Awaited& awaited) : awaited_(awaited), notices_(std::chrono::hours(1)) {}
ToldWait::~ToldWait() = default;
void ToldWait::look() {}

namespace test {
namespace {

FakeJob* the_job = nullptr;

void* shared_memory(size_t size) {
    void* const made =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    EXPECT_NE(made, MAP_FAILED);
    return made;
}

}  // namespace

FakeJob::FakeJob(std::vector<int> hosts)
    : put([](char* place, const char* source, size_t bytes) { std::memcpy(place, source, bytes); }),
      hosts_(std::move(hosts)),
      window_(static_cast<char*>(shared_memory(hosts_.size() * kStride))),
      shared_(new (shared_memory(sizeof(Shared))) Shared{}) {
    the_job = this;
    become(0);
}

FakeJob::~FakeJob() {
    close_mail();
    munmap(window_, hosts_.size() * kStride);
    munmap(shared_, sizeof(Shared));
    the_job = nullptr;
    the_state = {};
}

void FakeJob::become(int pe) {
    the_state.me = pe;
    the_state.pes = static_cast<int>(hosts_.size());
    the_state.stride = kStride;
    const auto window = reinterpret_cast<uint64_t>(window_);
    the_state.whole_region = {window + static_cast<uint64_t>(pe) * kStride, kStride, window};
    set_hosts(hosts_);
}

OtherPe::OtherPe(FakeJob& job, const std::function<void()>& work) {
    std::fflush(stdout);  // else both print it
    pid_ = fork();
    if (pid_ == 0) {
        job.become(1);
        try {
            open_mail();
            work();
        } catch (const JobEnded& end) {
            ADD_FAILURE() << end.what();
        }
        std::fflush(stdout);
        _exit(::testing::Test::HasFailure() ? 1 : 0);
    }
}

void OtherPe::wait() {
    if (pid_ > 0) {
        int status = 0;
        EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
        EXPECT_EQ(status, 0);
        pid_ = 0;
    }
}

}  // namespace test

void make_counters(int) {}

smem_shm_t heap_object() {
    return nullptr;
}

void fail_text(const char* call, const std::string& text) {
    throw test::JobEnded(std::string(call) + ": " + text);
}

void expect_done(int32_t code, const char* what, size_t bytes, int pe, const char* call) {
    if (code != 0) {
        fail(call, "{} of {} bytes, PE {}, failed: {}", what, bytes, pe, code);
    }
}

bool has_other_hosts() {
    return hosts() > 1;
}

int spins_before_yield() {
    return 1;
}

void let_in() {
    ++test::the_job->shared().looks[state().me];
    if (test::the_job->patience > 0 && --test::the_job->patience == 0) {
        throw test::GaveUp();
    }
}

uint32_t remote_changes() {
    return 0;
}

void nap(uint32_t, long) {
    let_in();
    sched_yield();
}

}  // namespace memfabric::shmem

using memfabric::shmem::test::the_job;

struct mf_private_post {
    int32_t outcome;
};

int32_t mf_private_shm_post(smem_shm_t, void* place, const void* source, size_t bytes, int32_t,
                            mf_private_post** post) {
    the_job->put(static_cast<char*>(place), static_cast<const char*>(source), bytes);
    *post = the_job->posts_go_on
                ? std::make_unique<mf_private_post>(mf_private_post{the_job->outcome_of_posts}).release()
                : nullptr;
    the_job->open_posts += the_job->posts_go_on ? 1 : 0;
    return 0;
}

int32_t mf_private_shm_post_is_done(const mf_private_post* post) {
    return post->outcome == 0 ? 0 : 1;
}

int32_t mf_private_shm_end_post(smem_shm_t, mf_private_post* post) {
    --the_job->open_posts;
    ++the_job->ended_posts;
    return std::unique_ptr<mf_private_post>(post)->outcome;
}

void mf_private_shm_settle_post(mf_private_post* post) {
    --the_job->open_posts;
    delete post;
}

int32_t mf_private_shm_commit(smem_shm_t, uint64_t, uint64_t) {
    return the_job->has_memory ? 0 : -1;
}

const char* smem_get_last_err_msg(void) {
    return "there is none";
}
