// SPDX-License-Identifier: Apache-2.0
// A store that was started again, and a process that is stopped and so cannot come back.
#include <sys/prctl.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/store/restart_fixture.h"

namespace memfabric::store::test {
namespace {

/// A process that does nothing, and is stopped.
class Child {
 public:
    Child() : pid_(::fork()) {
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            ::raise(SIGSTOP);
            ::pause();
        }
        int status = 0;
        EXPECT_EQ(::waitpid(pid_, &status, WUNTRACED), pid_);
        EXPECT_TRUE(WIFSTOPPED(status));
    }
    ~Child() {
        EXPECT_EQ(::kill(pid_, SIGKILL), 0);
        EXPECT_EQ(::waitpid(pid_, nullptr, 0), pid_);
    }
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;

    void go_on() const {
        int status = 0;
        EXPECT_EQ(::kill(pid_, SIGCONT), 0);
        EXPECT_EQ(::waitpid(pid_, &status, WCONTINUED), pid_);
    }
    Incarnation incarnation() const {
        std::ifstream file("/proc/" + std::to_string(pid_) + "/stat");
        std::string word;
        uint64_t start_time = 0;
        for (int field = 1; field < 22 && file >> word; ++field) {
        }
        file >> start_time;
        return {"host-a", pid_, start_time, 1};
    }

 private:
    pid_t pid_;
};

/// Two members of a group on one host; the second one's process is `child_`, and its connections are held up.
class Stopped : public ::testing::Test {
 protected:
    void begin(MortalStore& store) {
        first_ = store.client("host-a", 1);
        second_ = store.client(child_.incarnation());
        const auto listener = [this](const MemberEvent& event) { heard_.add(event); };
        MF_EXPECT_OK(first_->join({"group", 0, 2, ""}, listener, soon()));
        MF_EXPECT_OK(second_->join({"group", 1, 2, ""}, ignore_events, soon()));
        ASSERT_EQ(heard_.wait_for(1).size(), 1U);
        store.kill();
        store.start();
        store.proxy(0).close_door(false);
    }
    void expect_loss() {
        const std::vector<MemberEvent> events = heard_.wait_for(2);
        ASSERT_EQ(events.size(), 2U);
        EXPECT_EQ(events[1].kind, MemberEventKind::kLost);
    }
    Child child_;
    Heard<MemberEvent> heard_;  // outlives who writes to it
    std::shared_ptr<Client> first_;
    std::shared_ptr<Client> second_;
};

TEST_F(Stopped, IsWaitedFor) {
    MortalStore store(MortalStore::settling("100ms"));
    begin(store);
    MF_EXPECT_FAILURE(first_->set("key", "value", Deadline::after_seconds(1)), Code::kStoreTimeout,
                      "started again", "on host host-a is stopped and has not come back");
    child_.go_on();
    store.proxy(1).close_door(false);
    MF_EXPECT_OK(second_->set("key", "value", soon()));
    auto other = in_background([this] { return second_->barrier("group", 2, 1, soon()); });
    MF_EXPECT_OK(first_->barrier("group", 2, 0, soon()));
    MF_EXPECT_OK(other.get());
    EXPECT_EQ(heard_.wait_for(1).size(), 1U);
}

TEST_F(Stopped, ButNotForEver) {
    Options options = MortalStore::settling("100ms");
    MF_EXPECT_OK(options.set(OptionId::kEvictAfter, "500ms"));
    MortalStore store(options);
    begin(store);
    expect_loss();
    MF_EXPECT_OK(first_->set("key", "value", soon()));
}

TEST_F(Stopped, WhoGoesOnAndDoesNotComeIsLost) {
    MortalStore store(MortalStore::settling("100ms"));
    begin(store);
    MF_EXPECT_FAILURE(first_->set("key", "value", Deadline::after_seconds(1)), Code::kStoreTimeout);
    child_.go_on();
    expect_loss();
}

TEST_F(Stopped, WhoIsNotAndDoesNotComeIsLost) {
    MortalStore store(MortalStore::settling("100ms"));
    child_.go_on();
    begin(store);
    expect_loss();
}

}  // namespace
}  // namespace memfabric::store::test
