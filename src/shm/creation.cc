// SPDX-License-Identifier: Apache-2.0
#include "shm/creation.h"

#include <charconv>

#include "base/attempt.h"
#include "base/log.h"

namespace memfabric::shm {
namespace {

constexpr auto kLeavePatience = std::chrono::seconds(2);

}  // namespace

/// One call of create() and what it has to undo.
class Creator::Attempt {
 public:
    Attempt(World& world, uint32_t id, const ObjectConfig& config, Deadline deadline)
        : store_(world.runtime().store()),
          own_{world.config().rank, 0, config},
          claims_group_(fmt::format("shm/{}/claims", id)),
          refused_prefix_(fmt::format("shm/{}/refused/", id)),
          wanted_key_(fmt::format("{}{}", world.wanted_prefix(), id)),
          id_(id),
          deadline_(deadline),
          assembly_(std::make_shared<Assembly>(
              own_, id, std::chrono::milliseconds(world.runtime().options().integer(OptionId::kWaitNotice)),
              [&store = store_](Deadline catch_up) { static_cast<void>(store.hear_all(catch_up)); })) {}
    ~Attempt() { leave_claims(); }
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    /// Waits for the claims of all ranks. kInvalidParam: refused, for all who are in it.
    Status agree(bool was_refused);
    Result<std::shared_ptr<SharedMemory>> build(std::shared_ptr<World> world);
    /// Leaves word for those who come later.
    void tell_refusal();

    void leave_claims();

 private:
    std::string refused_key() const { return fmt::format("{}{}", refused_prefix_, own_.world_rank); }
    Status look_for_refusals(bool was_refused);
    Status explain_timeout(const Status& timeout);

    store::Client& store_;
    const Claim own_;
    const std::string claims_group_;
    const std::string refused_prefix_;
    const std::string wanted_key_;
    const uint32_t id_;
    const Deadline deadline_;
    std::shared_ptr<Assembly> assembly_;
    bool is_in_claims_ = false;
};

/// Whoever was refused leaves its claim behind in a key of its own, so that a rank that comes after the
/// others have gone with their error gets it as well. It is out of date for those who left theirs.
Status Creator::Attempt::look_for_refusals(bool was_refused) {
    if (was_refused) {
        static_cast<void>(store_.remove(refused_key(), deadline_));
        return {};
    }
    MF_ASSIGN_OR_RETURN(const auto refused, store_.list(refused_prefix_, deadline_));
    Claims said{{own_.world_rank, own_}};
    for (const auto& [key, claim] : refused) {
        uint32_t rank = 0;
        const char* const end = key.data() + key.size();
        const auto parsed = std::from_chars(key.data() + refused_prefix_.size(), end, rank);
        if (parsed.ec == std::errc() && parsed.ptr == end && rank != own_.world_rank) {
            said[rank] = Claim::decode(rank, 0, claim);
        }
    }
    if (said.size() == 1) {
        return {};
    }
    const Status disagreement = check_claims(said);
    return disagreement.is_ok()
               ? failure(Code::kInvalidParam, "others were refused before: {}; create it again",
                         said.begin()->second.text())
               : disagreement;
}

Status Creator::Attempt::agree(bool was_refused) {
    const auto handler = [assembly = assembly_](const store::MemberEvent& event) {
        assembly->on_claim(event);
    };
    const store::JoinRequest claim{claims_group_, own_.world_rank, 0, own_.encode(), own_.config.rank_size};
    MF_ASSIGN_OR_RETURN(const store::JoinReply reply, store_.join(claim, handler, deadline_));
    is_in_claims_ = true;
    static_cast<void>(store_.set_owned(wanted_key_, own_.text(), deadline_));  // for texts only
    assembly_->take_claims(reply);
    MF_RETURN_IF_ERROR(look_for_refusals(was_refused));
    const Status agreed = assembly_->wait_for_claims(deadline_);
    return agreed.code() == Code::kTimeout ? explain_timeout(agreed) : agreed;
}

Status Creator::Attempt::explain_timeout(const Status& timeout) {
    const auto wanted = store_.list(World::kWantedPrefix, Deadline::after(kLeavePatience));
    const std::string own_end = fmt::format("/{}", id_);
    std::string others;
    for (const auto& [key, text] :
         wanted.is_ok() ? *wanted : std::vector<std::pair<std::string, std::string>>{}) {
        if (!key.ends_with(own_end)) {
            others += fmt::format("; of SHM {} {}", key.substr(key.rfind('/') + 1), text);
        }
    }
    return {timeout.code(), timeout.message() + others};
}

void Creator::Attempt::tell_refusal() {
    const Status told = store_.set_owned(refused_key(), own_.encode(), Deadline::after(kLeavePatience));
    if (!told.is_ok()) {
        log_debug("SHM {}: ranks that come later are not told of the refusal: {}", id_, told.message());
    }
}

void Creator::Attempt::leave_claims() {
    if (std::exchange(is_in_claims_, false)) {
        static_cast<void>(store_.leave(claims_group_, Deadline::after(kLeavePatience)));
    }
}

Result<std::shared_ptr<SharedMemory>> Creator::Attempt::build(std::shared_ptr<World> world) {
    auto object = std::make_shared<SharedMemory>(std::move(world), id_, own_.config, assembly_->generation());
    // Whoever has joined leaves again, also where it was memory that was missing.
    const Status built = memfabric::attempt([&] {
        return object->build(
            assembly_, [this] { leave_claims(); }, deadline_);
    });
    if (!built.is_ok()) {
        static_cast<void>(object->close(Deadline::after(kLeavePatience)));
        return built;
    }
    static_cast<void>(store_.remove(wanted_key_, deadline_));
    return object;
}

Result<std::shared_ptr<SharedMemory>> Creator::create(uint32_t id, const ObjectConfig& config,
                                                      Deadline deadline) {
    bool was_refused = false;
    {
        const std::lock_guard lock(mutex_);
        was_refused = refused_.erase(id) != 0;
    }
    Attempt attempt(*world_, id, config, deadline);
    const Status agreed = memfabric::attempt([&] { return attempt.agree(was_refused); });
    if (agreed.code() == Code::kInvalidParam) {
        attempt.tell_refusal();
        const std::lock_guard lock(mutex_);
        refused_.insert(id);
    }
    MF_RETURN_IF_ERROR(agreed);
    return attempt.build(world_);
}

}  // namespace memfabric::shm
