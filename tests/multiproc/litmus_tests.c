/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "litmus.h"

static const uint32_t kTemperatures[] = {0, SMEM_COPY_FLAG_COLD, SMEM_COPY_FLAG_HOT};
enum { kTemperatureCount = 3, kLine = 64, kRoundsMin = 3 };

/* The value of a flag that no round has. */
static const uint64_t kEnd = UINT64_MAX;

static uint8_t* channel_at(uint32_t rank, uint32_t index) {
    return region(rank) + kFirstChannel + (uint64_t)index * kChannelSize;
}

static bool is_over(double end, uint64_t rounds) {
    return rounds >= kRoundsMin && now() > end;
}

/* ---- an aligned copy of 8 bytes is never torn ---- */

/* Words at different places of a line and of a page, the last one before a page ends. */
static uint8_t* torn_word(uint64_t index) {
    static const uint32_t kPlaces[] = {0, 8, 56, 64, 4088, 4096, 65528, 131072};
    return channel_at(g_world.size - 1, 0) + kPlaces[index % (sizeof kPlaces / sizeof kPlaces[0])];
}

/* Every byte of a word that is written says the same. */
static void check_whole(uint64_t value, const char* read_by) {
    if (value != (value & 0xff) * 0x0101010101010101u) {
        fail("%s sees a torn word: %016" PRIx64, read_by, value);
    }
}

static uint64_t write_words(copy_method method, uint32_t temperature, const uint64_t* over) {
    uint64_t rounds = 0;
    while (load(over) == 0) {
        for (int i = 0; i < 512; ++i, ++rounds) {
            uint64_t value = (rounds / 8 & 0xff) * 0x0101010101010101u;
            copy_by(method, &value, torn_word(rounds), sizeof value, temperature);
        }
    }
    return rounds;
}

static uint64_t read_words(uint64_t* over) {
    const double end = now() + g_world.seconds;
    uint64_t rounds = 0;
    while (!is_over(end, rounds)) {
        for (int i = 0; i < 512; ++i, ++rounds) {
            check_whole(load(torn_word(rounds)), "a load");
            check_whole(load_by_copy(torn_word(rounds)), "a copy");
        }
    }
    store(over, 1);
    return rounds;
}

uint64_t run_torn(copy_method method) {
    uint64_t rounds = 0;
    for (int temperature = 0; temperature < kTemperatureCount; ++temperature) {
        uint64_t* const over = (uint64_t*)(region(0) + (1 + temperature) * 4096);
        rounds +=
            g_world.rank == 0 ? write_words(method, kTemperatures[temperature], over) : read_words(over);
        barrier();
    }
    return rounds;
}

/* ---- who sees the flag sees the data ---- */

typedef struct {
    uint32_t number;
    copy_method method;
    size_t size;
    uint32_t temperature;
    bool flag_by_copy; /* or by a release store */
    uint64_t rounds;   /* out */
} message_job;

static uint8_t* message_channel(const message_job* job) {
    return channel_at(g_world.size == 1 ? 0 : 1, job->number);
}

/* One a reading rank, each on a line of its own. */
static uint64_t* acknowledgement(const message_job* job, uint32_t rank) {
    return (uint64_t*)(message_channel(job) + kLine * (1 + rank));
}

static uint64_t message_word(uint64_t round, uint32_t channel, uint64_t index) {
    return (round << 20) + index + ((uint64_t)channel << 60);
}

static uint32_t first_reader(void) {
    return g_world.size == 1 ? 0 : 1;
}

static void raise_flag(const message_job* job, uint64_t value) {
    if (job->flag_by_copy) {
        copy_bytes(&value, message_channel(job), sizeof value, 0);
    } else {
        store(message_channel(job), value);
    }
}

static void await_readers(const message_job* job, uint64_t round) {
    for (uint32_t rank = first_reader(); rank < g_world.size; ++rank) {
        unsigned spins = 0;
        while (load(acknowledgement(job, rank)) != round) {
            pause_briefly(&spins);
        }
    }
}

static void* write_messages(void* argument) {
    message_job* const job = argument;
    const double end = now() + g_world.seconds;
    uint64_t* const data = malloc(job->size);
    while (!is_over(end, job->rounds)) {
        ++job->rounds;
        for (uint64_t i = 0; i < job->size / 8; ++i) {
            data[i] = message_word(job->rounds, job->number, i);
        }
        copy_by(job->method, data, message_channel(job) + kDataPlace, job->size, job->temperature);
        if (job->rounds % 4 == 0) {
            memset(data, 0, job->size); /* a copy that returned needs its source no more */
        }
        raise_flag(job, job->rounds); /* mostly at once, while stores may be under way */
        await_readers(job, job->rounds);
    }
    raise_flag(job, kEnd);
    await_readers(job, kEnd);
    free(data);
    return NULL;
}

static uint64_t await_flag(const message_job* job, uint64_t previous) {
    unsigned spins = 0;
    for (;;) {
        const uint8_t* const flag = message_channel(job);
        const uint64_t value = (spins & 1) != 0 ? load_by_copy(flag) : load(flag);
        if (value != previous) {
            return value;
        }
        pause_briefly(&spins);
    }
}

/* `data` as it lies in the pool: rows with gaps between them. */
static void check_message(const message_job* job, const uint8_t* data, uint64_t round, const char* read_by) {
    const size_t width = row_width(job->method, job->size);
    for (size_t row = job->size / width; row-- > 0;) { /* first what was stored last */
        const uint64_t* const words = (const uint64_t*)(data + 2 * row * width);
        for (size_t i = width / 8; i-- > 0;) {
            const uint64_t wanted = message_word(round, job->number, row * width / 8 + i);
            if (words[i] != wanted) {
                fail("the flag of round %" PRIu64 " is there, but %s sees %016" PRIx64 " and not %016" PRIx64
                     " at row %zu, word %zu of %zu bytes (channel %u, flags %#x, flag by %s)",
                     round, read_by, words[i], wanted, row, i, job->size, job->number, job->temperature,
                     job->flag_by_copy ? "copy" : "store");
            }
        }
    }
}

static void* read_messages(void* argument) {
    message_job* const job = argument;
    const uint8_t* const data = message_channel(job) + kDataPlace;
    const size_t extent = job->method == kRows ? 2 * job->size : job->size;
    uint8_t* const copied = malloc(extent);
    for (uint64_t round = await_flag(job, 0); round != kEnd; round = await_flag(job, round)) {
        ++job->rounds;
        if (round != job->rounds) {
            fail("round %" PRIu64 " came after %" PRIu64, round, job->rounds - 1);
        }
        if (round % 2 == 0 && is_near(data)) {
            check_message(job, data, round, "a load");
        } else {
            copy_bytes(data, copied, extent, 0);
            check_message(job, copied, round, "a copy");
        }
        store(acknowledgement(job, g_world.rank), round);
    }
    store(acknowledgement(job, g_world.rank), kEnd);
    free(copied);
    return NULL;
}

/* Rank 0 writes, the others read; a world of one does both. */
static uint64_t run_variation(const message_job* variation, uint32_t threads) {
    message_job jobs[2 * kChannels];
    pthread_t started[2 * kChannels];
    uint32_t count = 0;
    uint64_t rounds = 0;
    for (uint32_t number = 0; number < threads; ++number) {
        message_job job = *variation;
        job.number = number;
        if (g_world.rank == 0) {
            jobs[count++] = job;
        }
        if (g_world.rank >= first_reader()) {
            jobs[count++] = job;
        }
    }
    for (uint32_t i = 0; i < count; ++i) {
        const bool writes = g_world.rank == 0 && (g_world.size > 1 || i % 2 == 0);
        if (pthread_create(&started[i], NULL, writes ? write_messages : read_messages, &jobs[i]) != 0) {
            fail("a thread could not be started");
        }
    }
    for (uint32_t i = 0; i < count; ++i) {
        pthread_join(started[i], NULL);
        rounds += jobs[i].rounds;
    }
    return rounds;
}

uint64_t run_messages(copy_method method, size_t size, uint32_t threads) {
    uint64_t rounds = 0;
    if (threads > kChannels || size > kDataMax || size % 8 != 0) {
        fail("%u threads or %zu bytes are too many", threads, size);
    }
    for (int variation = 0; variation < 2 * kTemperatureCount; ++variation) {
        const message_job job = {0, method, size, kTemperatures[variation / 2], variation % 2 == 0, 0};
        rounds += run_variation(&job, threads);
        barrier();
        if (g_world.rank == first_reader()) {
            memset(channel_at(first_reader(), 0), 0, (size_t)kChannels * kChannelSize);
        }
        barrier();
    }
    return rounds;
}

/* ---- everybody writes to everybody, then everybody sees everything ---- */

/* What `from` writes into the region of `to`: a flag, a word beside it, two buffers for rounds in turn. */
static uint8_t* exchange_place(uint32_t to, uint32_t from) {
    return channel_at(to, from);
}

static uint8_t* exchange_data(uint32_t to, uint32_t from, uint64_t round) {
    return exchange_place(to, from) + kDataPlace + (round % 2) * kDataMax;
}

static void send_round(const uint64_t* data, size_t size, uint64_t round, uint32_t temperature) {
    for (uint32_t to = 0; to < g_world.size; ++to) {
        copy_bytes(data, exchange_data(to, g_world.rank, round), size, temperature);
        copy_bytes(&round, exchange_place(to, g_world.rank) + kLine, sizeof round, 0);
    }
    /* Store buffering: what the others have written of this round may be seen here or not; their words never
     * go back. */
    for (uint32_t from = 0; from < g_world.size; ++from) {
        const uint64_t seen = load_by_copy(exchange_place(g_world.rank, from) + kLine);
        if (seen != round && seen + 1 != round) {
            fail("in round %" PRIu64 " the word of rank %u says %" PRIu64, round, from, seen);
        }
    }
    for (uint32_t to = 0; to < g_world.size; ++to) {
        copy_bytes(&round, exchange_place(to, g_world.rank), sizeof round, 0);
    }
}

static void check_round(size_t size, uint64_t round) {
    for (uint32_t from = 0; from < g_world.size; ++from) {
        unsigned spins = 0;
        while (load(exchange_place(g_world.rank, from)) < round) {
            pause_briefly(&spins);
        }
    }
    for (uint32_t from = 0; from < g_world.size; ++from) {
        const uint64_t word = load(exchange_place(g_world.rank, from) + kLine);
        const uint64_t* const words = (const uint64_t*)exchange_data(g_world.rank, from, round);
        if (word != round && word != round + 1) {
            fail("after round %" PRIu64 " the word of rank %u says %" PRIu64, round, from, word);
        }
        for (size_t i = 0; i < size / 8; ++i) {
            if (words[i] != message_word(round, from, i)) {
                fail("after round %" PRIu64 " word %zu of rank %u is %016" PRIx64, round, i, from, words[i]);
            }
        }
    }
}

/* Rank 0 says, before a round begins, whether it is the last one: all others read that after it. */
uint64_t run_exchange(size_t size) {
    const double end = now() + g_world.seconds;
    uint64_t* const last = (uint64_t*)(region(0) + 4096);
    uint64_t* const data = malloc(size);
    uint64_t round = 0;
    if (g_world.size > kChannels || size > kDataMax || size % 8 != 0) {
        fail("%u ranks or %zu bytes are too many", g_world.size, size);
    }
    do {
        ++round;
        for (size_t i = 0; i < size / 8; ++i) {
            data[i] = message_word(round, g_world.rank, i);
        }
        if (g_world.rank == 0 && is_over(end, round)) {
            store(last, round);
        }
        send_round(data, size, round, kTemperatures[round % kTemperatureCount]);
        check_round(size, round);
    } while (load(last) != round);
    free(data);
    return round;
}
