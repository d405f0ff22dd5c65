// SPDX-License-Identifier: Apache-2.0
#include "shmem/mail.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

#include "capi/private_api.h"
#include "shmem/hosts.h"
#include "shmem/mail_format.h"
#include "shmem/post.h"
#include "shmem/remote.h"
#include "shmem/short_memory.h"
#include "shmem/startup.h"
#include "shmem/state.h"
#include "shmem/waiting.h"
#include "smem.h"
#include "smem_shm.h"

namespace memfabric::shmem {
namespace {

using mail::kSlots;

constexpr uint64_t kPage = 4096;
constexpr int kManyPes = 256;  // for whom slots are smaller
constexpr size_t kLargestSlot = 4096 + 64;
constexpr size_t kSmallSlot = 512;

using Header = mail::Header;

struct Message {
    Header header;
    std::vector<char> data;
};

/// This PE's end of both directions to another one.
struct Channel {
    std::mutex receiving;
    std::atomic<uint64_t> taken{0};  // written under `receiving`
    std::deque<Message> kept;        // under other keys than was looked for; guarded by `receiving`
    std::atomic<uint64_t> told{0};   // what the sender last heard of `taken`
    uint64_t telling = 0;            // what `tells` puts; both guarded by `receiving`
    Post tells;

    std::mutex sending;
    uint64_t sent = 0;                   // guarded by `sending`, as are `slots` and `posts`
    std::unique_ptr<char[]> slots;       // what is under way; from the first message on
    std::array<Post, kSlots> posts;      // by slot
    std::atomic<bool> is_in_use{false};  // messages were sent
    std::atomic<uint64_t> consumed{0};   // by the other end, as its messages say

    char* slot(uint64_t number);
};

std::vector<std::unique_ptr<Channel>> channels;  // by PE; null for those of this host

size_t slot_size(int pes) {
    return pes <= kManyPes ? kLargestSlot : kSmallSlot;
}

char* Channel::slot(uint64_t number) {
    const size_t size = slot_size(state().pes);
    if (slots == nullptr) {
        slots = std::make_unique_for_overwrite<char[]>(kSlots * size);
    }
    return slots.get() + number % kSlots * size;
}

uint64_t rings_size(int pes) {
    return static_cast<uint64_t>(pes) * kSlots * slot_size(pes);
}

/// Of PE `pe`, as the whole window counts.
uint64_t area_of(int pe) {
    const State& now = state();
    return now.whole_region.window + (static_cast<uint64_t>(pe) + 1) * now.stride - mail_area_size(now.pes);
}

/// Where PE `to` has the slot for that message of PE `from`.
uint64_t slot_at(int to, int from, uint64_t number) {
    const uint64_t slot = static_cast<uint64_t>(from) * kSlots + number % kSlots;
    return area_of(to) + slot * slot_size(state().pes);
}

/// Where PE `at` reads how many of its messages PE `by` has taken.
uint64_t consumed_at(int at, int by) {
    return area_of(at) + rings_size(state().pes) + static_cast<uint64_t>(by) * sizeof(uint64_t);
}

std::atomic<uint64_t>& number_in(uint64_t slot) {
    return *reinterpret_cast<std::atomic<uint64_t>*>(slot);
}

/// The header of the next message where that has begun to arrive.
bool has_begun(const Channel& channel, int pe, Header& header) {
    const uint64_t number = channel.taken.load(std::memory_order_relaxed) + 1;
    const uint64_t slot = slot_at(state().me, pe, number);
    if (number_in(slot).load(std::memory_order_acquire) != number) {
        return false;
    }
    std::memcpy(&header, reinterpret_cast<const void*>(slot), sizeof header);
    return header.number == number && header.bytes <= slot_size(state().pes) - sizeof header;
}

/// Copies the message's data out; false where it is not all there yet.
bool take(Channel& channel, int pe, const Header& header, void* data, const char* call) {
    const uint64_t slot = slot_at(state().me, pe, header.number);
    if (header.bytes > 0) {  // else `data` may be null
        std::memcpy(data, reinterpret_cast<const char*>(slot) + sizeof header, header.bytes);
    }
    if (mail::hash_of(header, static_cast<const char*>(data)) != header.hash) {
        return false;
    }
    channel.taken.store(header.number);
    if (header.consumed > channel.consumed.load(std::memory_order_relaxed)) {
        channel.consumed.store(header.consumed);
    }
    if (header.number - channel.told.load(std::memory_order_relaxed) >= kSlots / 2) {
        channel.told.store(header.number);
        channel.tells.end(call);
        channel.telling = header.number;
        channel.tells.begin(pe, consumed_at(pe, state().me), &channel.telling, sizeof channel.telling,
                            Post::Word::kAsked, call);
    }
    return true;
}

void keep(Channel& channel, int pe, const Header& header, bool& is_there, const char* call) {
    take_memory_or_end(call, [&] {
        Message message{header, std::vector<char>(header.bytes)};
        is_there = take(channel, pe, header, message.data.data(), call);
        if (is_there) {
            channel.kept.push_back(std::move(message));
        }
    });
}

void check_size(const Header& header, size_t bytes, int pe, const char* call) {
    if (header.bytes != bytes) {
        fail(call, "PE {} sends {} bytes, this PE takes {}; all PEs give the same size", pe, header.bytes,
             bytes);
    }
}

/// Whether the message was there.
bool look_for(int pe, uint64_t key, void* data, size_t bytes, uint32_t& value, const char* call) {
    Channel& channel = *channels[static_cast<size_t>(pe)];
    const std::lock_guard lock(channel.receiving);
    const auto kept = std::ranges::find(channel.kept, key, [](const Message& one) { return one.header.key; });
    if (kept != channel.kept.end()) {
        check_size(kept->header, bytes, pe, call);
        std::ranges::copy(kept->data, static_cast<char*>(data));
        value = kept->header.value;
        channel.kept.erase(kept);
        return true;
    }
    Header header{};
    bool is_there = true;
    while (is_there && has_begun(channel, pe, header)) {
        if (header.key != key || header.bytes != bytes) {
            keep(channel, pe, header, is_there, call);
            if (is_there && header.key == key) {
                check_size(header, bytes, pe, call);
            }
        } else {
            value = header.value;
            return take(channel, pe, header, data, call);
        }
    }
    return false;
}

/// Of all other hosts, so that nobody who waits for room keeps others without.
void keep_all(const char* call) {
    for (int pe = 0; pe < state().pes; ++pe) {
        Channel* channel = channels[static_cast<size_t>(pe)].get();
        if (channel == nullptr) {
            continue;
        }
        const std::lock_guard lock(channel->receiving);
        Header header{};
        bool is_there = true;
        while (is_there && has_begun(*channel, pe, header)) {
            keep(*channel, pe, header, is_there, call);
        }
    }
}

void expect_posts(Channel& channel, const char* call) {
    for (Post& post : channel.posts) {
        if (post.is_done()) {
            post.end(call);
        }
    }
}

/// Now and then, of who waits for a message: one that failed may be why none comes.
class PostsWatch {
 public:
    explicit PostsWatch(const char* call) : call_(call) {}
    void look() {
        if (++looks_ % kEvery != 0) {
            return;
        }
        for (const std::unique_ptr<Channel>& channel : channels) {
            if (channel == nullptr || !channel->is_in_use) {
                continue;
            }
            const std::unique_lock lock(channel->sending, std::try_to_lock);
            if (lock.owns_lock()) {
                expect_posts(*channel, call_);
            }
        }
    }

 private:
    static constexpr uint32_t kEvery = 64;
    const char* call_;
    uint32_t looks_ = 0;
};

/// How many of this PE's messages are known to be taken.
uint64_t taken_by(const Channel& channel, int pe) {
    const uint64_t told = number_in(consumed_at(state().me, pe)).load(std::memory_order_acquire);
    return std::max(told, channel.consumed.load());
}

bool has_room(const Channel& channel, int pe) {
    return channel.sent - taken_by(channel, pe) < kSlots;
}

}  // namespace

uint64_t mail_area_size(int pes) {
    const uint64_t size = rings_size(pes) + static_cast<uint64_t>(pes) * sizeof(uint64_t);
    return pes == 1 ? 0 : (size + kPage - 1) / kPage * kPage;
}

void open_mail() {
    const State& now = state();
    channels.clear();
    channels.resize(static_cast<size_t>(now.pes));
    if (hosts() == 1) {
        return;
    }
    for (int pe = 0; pe < now.pes; ++pe) {
        if (!is_here(pe)) {
            channels[static_cast<size_t>(pe)] = std::make_unique<Channel>();
        }
    }
    const uint64_t size = mail_area_size(now.pes);
    if (mf_private_shm_commit(heap_object(), now.stride - size, size) != 0) {
        fail("shmem_init", "no memory for messages of {} PEs: {}", now.pes, smem_get_last_err_msg());
    }
}

void close_mail() {
    for (const std::unique_ptr<Channel>& channel : channels) {
        if (channel != nullptr) {
            channel->tells.settle();
            std::ranges::for_each(channel->posts, &Post::settle);
        }
    }
    channels.clear();
}

void confirm_mail(const char* call) {
    for (int pe = 0; pe < state().pes; ++pe) {
        Channel* const channel = channels[static_cast<size_t>(pe)].get();
        if (channel == nullptr || !channel->is_in_use) {
            continue;
        }
        const std::lock_guard lock(channel->sending);
        const uint64_t taken = taken_by(*channel, pe);
        for (uint64_t number = channel->sent; number > taken; --number) {
            channel->posts[number % kSlots].end(call);
        }
    }
}

size_t largest_mail() {
    return slot_size(state().pes) - sizeof(Header);
}

void send_mail(int pe, uint64_t key, uint32_t value, const void* data, size_t bytes, const char* call) {
    Channel& channel = *channels[static_cast<size_t>(pe)];
    const std::lock_guard lock(channel.sending);
    channel.is_in_use = true;
    if (!has_room(channel, pe)) {
        wait_until({Awaited::What::kRoom, call, nullptr, pe}, [&] {
            keep_all(call);
            expect_posts(channel, call);
            return has_room(channel, pe);
        });
    }
    const uint64_t taken = channel.taken.load();
    channel.told.store(taken);
    Header header{++channel.sent, key, taken, static_cast<uint32_t>(bytes), value, 0, {}};
    Post& post = channel.posts[header.number % kSlots];
    post.settle();  // its message was taken
    char* const slot = channel.slot(header.number);
    if (bytes != 0) {
        std::memcpy(slot + sizeof header, data, bytes);
    }
    header.hash = mail::hash_of(header, slot + sizeof header);
    std::memcpy(slot, &header, sizeof header);
    post.begin(pe, slot_at(pe, state().me, header.number), slot, sizeof header + bytes, Post::Word::kNone,
               call);
}

uint32_t receive_mail(int pe, uint64_t key, void* data, size_t bytes, const char* call) {
    uint32_t value = 0;
    PostsWatch posts(call);
    wait_until({Awaited::What::kMessage, call, nullptr, pe}, [&] {
        posts.look();
        return look_for(pe, key, data, bytes, value, call);
    });
    return value;
}

}  // namespace memfabric::shmem
