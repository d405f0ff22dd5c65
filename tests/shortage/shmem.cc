// SPDX-License-Identifier: Apache-2.0
// PEs of OpenSHMEM that have no memory for a moment: a job that cannot go on ends, says why and leaves
// nothing behind, and its PEs do not wait for each other.
#include <memfabric-shmem/shmem.h>
#include <memfabric-shmem/shmemx.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <string>

#include "smem.h"
#include "smem_error.h"
#include "tests/shortage/shortage.h"

namespace {

using memfabric::shortage::Shortage;
using memfabric::shortage::ThreadShortage;

constexpr int kNothingFailed = 3;  // exit codes of the children
constexpr int kWrong = 4;
constexpr unsigned kLongest = 60;  // seconds of a child's life
constexpr uint64_t kEach = 100;    // of more allocations than so many, fewer and fewer fail

uint64_t next(uint64_t after) {
    return after + 1 + after / kEach;
}

/// A process of its own, with what it says.
class Child {
 public:
    explicit Child(const std::function<int()>& body) {
        int ends[2] = {-1, -1};
        EXPECT_EQ(::pipe(ends), 0);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::alarm(kLongest);
            ::dup2(ends[1], STDERR_FILENO);
            ::close(ends[0]);
            std::exit(body());  // what an exit removes is to be gone
        }
        ::close(ends[1]);
        said_ = ends[0];
    }
    ~Child() { ::close(said_); }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    /// Its exit code; 128 and more: the signal that ended it.
    int wait() {
        char buffer[4096];
        for (ssize_t count = 0; (count = ::read(said_, buffer, sizeof buffer)) > 0;) {
            text.append(buffer, static_cast<size_t>(count));
        }
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, 0), pid_);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }

    std::string text;

 private:
    pid_t pid_ = -1;
    int said_ = -1;
};

std::string free_url() {
    sockaddr_in place{};
    place.sin_family = AF_INET;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof place;
    auto* const plain = reinterpret_cast<sockaddr*>(&place);
    const int probe = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    EXPECT_TRUE(::bind(probe, plain, length) == 0 && ::getsockname(probe, plain, &length) == 0);
    ::close(probe);
    return "tcp://127.0.0.1:" + std::to_string(ntohs(place.sin_port));
}

int wrong(const std::string& what) {
    std::fprintf(stderr, "wrong: %s\n", what.c_str());
    return kWrong;
}

shmemx_init_attr_t attributes(int me, int pes, const std::string& url) {
    shmemx_init_attr_t wanted{};
    wanted.my_pe = me;
    wanted.n_pes = pes;
    wanted.heap_size = 4U << 20;
    wanted.store_url = url.empty() ? nullptr : url.c_str();
    wanted.init_timeout = wanted.create_timeout = wanted.operation_timeout = 20;
    return wanted;
}

class ShmemShortage : public ::testing::Test {
 protected:
    void SetUp() override {
        std::string pattern = (std::filesystem::temp_directory_path() / "memfabric-pes-XXXXXX").string();
        ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
        ASSERT_EQ(::setenv("MF_RUNTIME_DIR", folder_.c_str(), 1), 0);
    }
    void TearDown() override {
        std::error_code ignored;
        std::filesystem::remove_all(folder_, ignored);
    }
    void expect_nothing_left() const {
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_)) {
            EXPECT_TRUE(entry.is_directory()) << entry.path() << " is left";
        }
    }
    /// Two PEs: both get through, or PE 1 ends the job and says that word. The exit code of PE 1.
    int run_two(const std::function<int(int me, const std::string& url)>& be_pe, const std::string& word) {
        const std::string url = free_url();
        Child first([&] { return be_pe(0, url); });
        Child second([&] { return be_pe(1, url); });
        const int code = second.wait();
        const int other = first.wait();
        const bool ended = code == 1 && second.text.find(word) != std::string::npos;
        EXPECT_TRUE(code == 0 || code == kNothingFailed || ended) << "PE 1: " << code << " " << second.text;
        EXPECT_TRUE(ended ? other != 0 && other < 128 : other == 0) << "PE 0: " << other << " " << first.text;
        expect_nothing_left();
        return code;
    }
    std::string folder_;
};

/// 0 where it began, at once or when it was tried again.
int begin_without(uint64_t after) {
    const shmemx_init_attr_t alone = attributes(0, 1, "");
    bool struck = false;
    int code = 0;
    {
        const Shortage shortage(after);
        code = shmemx_init_attr(&alone);
        struck = shortage.has_struck();
    }
    if (code != 0) {
        const std::string why = smem_get_last_err_msg();
        if (code >= 0 || why.find("memory") == std::string::npos) {
            return wrong("it failed with " + std::to_string(code) + " '" + why + "'");
        }
        code = shmemx_init_attr(&alone);
    }
    if (code != 0) {
        return wrong("tried again it failed with " + std::to_string(code) + " '" + smem_get_last_err_msg() +
                     "'");
    }
    shmem_finalize();
    return struck ? 0 : kNothingFailed;
}

TEST_F(ShmemShortage, starting_is_done_or_fails_or_ends_the_process_with_a_word) {
    int code = 0;
    for (uint64_t after = 0; code != kNothingFailed && !HasFailure(); after = next(after)) {
        Child pe([&] { return begin_without(after); });
        code = pe.wait();
        EXPECT_TRUE(code == 0 || code == kNothingFailed ||
                    (code == 1 && pe.text.find("out of memory") != std::string::npos))
            << "allocation " << after << ": " << code << " " << pe.text;
        expect_nothing_left();
    }
}

/// As begin_without(), of two PEs; PE 1 can start so many threads only.
int begin_with_threads(int me, const std::string& url, uint64_t threads) {
    const shmemx_init_attr_t both = attributes(me, 2, url);
    bool struck = false;
    int code = 0;
    if (me == 1) {
        const ThreadShortage shortage(threads);
        code = shmemx_init_attr(&both);
        struck = ThreadShortage::has_struck();
    }
    if (code != 0) {
        const std::string why = smem_get_last_err_msg();
        if (code != SM_MALLOC_FAILED || why.find("ulimit -u") == std::string::npos) {
            return wrong("it failed with " + std::to_string(code) + " '" + why + "'");
        }
    }
    if ((me == 0 || code != 0) && shmemx_init_attr(&both) != 0) {
        return wrong(std::string("no start: ") + smem_get_last_err_msg());
    }
    shmem_finalize();
    return me == 1 && !struck ? kNothingFailed : 0;
}

TEST_F(ShmemShortage, of_threads_makes_a_start_fail_or_end_the_job_with_a_word) {
    if (!memfabric::shortage::LibraryShortage::is_possible()) {
        GTEST_SKIP() << "sanitizers start threads themselves";
    }
    int code = 0;
    for (uint64_t threads = 0; code != kNothingFailed && !HasFailure(); ++threads) {
        SCOPED_TRACE("threads " + std::to_string(threads));
        code = run_two([&](int me, const std::string& url) { return begin_with_threads(me, url, threads); },
                       "ulimit -u");
    }
}

/// Something of everything that takes memory; what is wrong with what came of it.
std::string use_everything() {
    const int me = shmem_my_pe();
    auto* const all = static_cast<int*>(shmem_malloc(64));
    auto* const sum = static_cast<int*>(shmem_calloc(1, 64));
    if (all == nullptr || sum == nullptr) {  // so have all PEs
        shmem_free(sum);
        shmem_free(all);
        return "";
    }
    *all = me + 1;
    shmem_barrier_all();
    shmem_int_sum_reduce(SHMEM_TEAM_WORLD, sum, all, 1);
    if (*sum != 3) {
        return "a sum of " + std::to_string(*sum);
    }
    int* const gathered = all + 4;
    shmem_int_fcollect(SHMEM_TEAM_WORLD, gathered, all, 1);
    shmem_int_collect(SHMEM_TEAM_WORLD, gathered + 2, all, 1);
    shmem_int_alltoall(SHMEM_TEAM_WORLD, gathered + 4, gathered, 1);
    shmem_int_broadcast(SHMEM_TEAM_WORLD, sum, all, 1, 1);
    const std::array<int, 6> wanted = {1, 2, 1, 2, me + 1, me + 1};
    if (!std::equal(wanted.begin(), wanted.end(), gathered) || *sum != 2) {
        return "collectives gave something else";
    }
    shmem_team_t team = SHMEM_TEAM_INVALID;
    if (shmem_team_split_strided(SHMEM_TEAM_WORLD, 0, 1, 2, nullptr, 0, &team) == 0) {
        shmem_team_sync(team);
        shmem_team_destroy(team);
    }
    shmem_ctx_t context = SHMEM_CTX_INVALID;
    if (shmem_ctx_create(0, &context) == 0) {
        shmem_ctx_int_p(context, all + 1, me, 1 - me);
        shmem_ctx_quiet(context);
        shmem_ctx_destroy(context);
    }
    shmem_barrier_all();
    shmem_free(sum);
    shmem_free(all);
    return "";
}

/// PE 1 runs short; PE 0 is there to be waited for.
int be_pe(int me, const std::string& url, uint64_t after) {
    const shmemx_init_attr_t both = attributes(me, 2, url);
    if (shmemx_init_attr(&both) != 0) {
        return wrong(std::string("no start: ") + smem_get_last_err_msg());
    }
    std::string problem;
    bool struck = false;
    if (me == 1) {
        const Shortage shortage(after);
        problem = use_everything();
        struck = shortage.has_struck();
    } else {
        problem = use_everything();
    }
    if (!problem.empty()) {
        return wrong(problem);
    }
    shmem_finalize();
    return me == 1 && !struck ? kNothingFailed : 0;
}

TEST_F(ShmemShortage, collectives_are_done_or_end_the_job_with_a_word) {
    int code = 0;
    for (uint64_t after = 0; code != kNothingFailed && !HasFailure(); after = next(after)) {
        SCOPED_TRACE("allocation " + std::to_string(after));
        code = run_two([&](int me, const std::string& url) { return be_pe(me, url, after); }, "memory");
    }
}

}  // namespace
