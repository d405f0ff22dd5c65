// SPDX-License-Identifier: Apache-2.0
// Messages between PEs of different hosts: slots in memory that whoever has a key of the fabric writes to.
#include <algorithm>
#include <string>
#include <vector>

#include "shmem/mail.h"
#include "shmem/mail_format.h"
#include "shmem/state.h"
#include "tests/fuzz/fuzz.h"
#include "tests/shmem/fake_job.h"

using namespace memfabric;
using namespace memfabric::shmem;
using fuzz::require;

namespace {

constexpr int kPes = 3;  // each on a host of its own; this process is PE 0
constexpr int kPatience = 3;

/// PE 0, and what others write to its memory.
class Victim {
 public:
    Victim() { open_mail(); }

    /// A message of PE 1 or 2 as that one could have sent it, or with a wrong hash, number or size.
    void forge(fuzz::Input& input) {
        const int from = 1 + input.take<uint8_t>() % (kPes - 1);
        const auto how = input.take<uint8_t>();
        mail::Header header{};
        header.number = how % 8 != 0 ? next_[from] : input.take<uint64_t>();
        header.key = input.take<uint8_t>() % 4;
        header.consumed = how % 4 != 1 ? 0 : input.take<uint64_t>();
        header.value = input.take<uint8_t>();
        const size_t announced =
            how % 16 != 2 ? input.take<uint16_t>() % (largest_mail() + 1) : input.take<uint32_t>();
        header.bytes = static_cast<uint32_t>(announced);
        std::string data(std::min(announced, largest_mail()), static_cast<char>(how));
        const std::string_view given = input.take_bytes(input.take<uint8_t>());
        std::copy_n(given.begin(), std::min(given.size(), data.size()), data.begin());
        header.hash = how % 32 != 3 && announced == data.size() ? mail::hash_of(header, data.data()) : how;
        char* const slot = slot_of(from, header.number);
        std::memcpy(slot + sizeof header, data.data(), data.size());
        std::memcpy(slot, &header, sizeof header);
        next_[from] += how % 64 != 4 ? 1 : 0;
    }

    /// Any bytes anywhere in the area.
    void scribble(fuzz::Input& input) {
        const size_t at = input.take<uint32_t>() % area_size();
        const std::string_view bytes = input.take_bytes(input.take<uint8_t>());
        std::memcpy(area() + at, bytes.data(), std::min(bytes.size(), area_size() - at));
    }

    void receive(fuzz::Input& input) {
        const int from = 1 + input.take<uint8_t>() % (kPes - 1);
        const uint64_t key = input.take<uint8_t>() % 4;
        std::vector<char> data(input.take<uint16_t>() % (largest_mail() + 1));
        for_a_while([&] { receive_mail(from, key, data.data(), data.size(), "receive"); });
    }

    void send(fuzz::Input& input) {
        const int to = 1 + input.take<uint8_t>() % (kPes - 1);
        const std::vector<char> data(input.take<uint16_t>() % (largest_mail() + 1));
        for_a_while([&] { send_mail(to, 1, 2, data.data(), data.size(), "send"); });
    }

 private:
    static size_t area_size() { return mail_area_size(kPes); }
    static char* area() {
        const State& now = state();
        return reinterpret_cast<char*>(now.whole_region.window + now.stride - area_size());
    }
    static char* slot_of(int from, uint64_t number) {
        const uint64_t slot = static_cast<uint64_t>(from) * mail::kSlots + number % mail::kSlots;
        return area() + slot * (largest_mail() + sizeof(mail::Header));
    }
    /// Whoever waits in vain gives up; whoever ends the job says why.
    template <typename Work>
    void for_a_while(Work work) {
        job_.patience = kPatience;
        try {
            work();
        } catch (const test::GaveUp&) {
        } catch (const test::JobEnded& end) {
            require(std::strlen(end.what()) != 0);
        }
    }

    test::FakeJob job_{{0, 1, 2}};
    uint64_t next_[kPes] = {1, 1, 1};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    constexpr int kMostSteps = 64;
    fuzz::Input input(fuzz::as_text(data, size));
    Victim victim;
    for (int step = 0; step < kMostSteps && !input.is_empty(); ++step) {
        switch (input.take<uint8_t>() % 8) {
            case 0:
                victim.scribble(input);
                break;
            case 1:
                victim.send(input);
                break;
            case 2:
            case 3:
            case 4:
                victim.receive(input);
                break;
            default:
                victim.forge(input);
        }
    }
    return 0;
}
