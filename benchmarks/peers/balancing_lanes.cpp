// The same epochs over 64 replications side by side, for vector registers: queues as bytes (node, lane), one
// 32-bit xoshiro128++ word per queue and lane, two 32-bit gathers from the alias tables, neighbours in pull form.
// usage: balancing_lanes N replications(multiple of 64) epochs delay seed policy(0 own, 1 jsq)
// prints one JSON object: queue-epochs of work, events, CPU seconds, drops per queue with standard error
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>
#include "balancing_law.hpp"
#include "xoshiro.hpp"

constexpr int L = 64;
struct alignas(64) Words { uint32_t at[L]; };
static Words s0, s1, s2, s3;
static inline uint32_t word(int l) {
    uint32_t a = s0.at[l], b = s1.at[l], c = s2.at[l], d = s3.at[l];
    const uint32_t x = a + d, result = ((x << 7) | (x >> 25)) + a, t = b << 9;
    c ^= a; d ^= b; b ^= c; a ^= d; c ^= t; d = (d << 11) | (d >> 21);
    s0.at[l] = a, s1.at[l] = b, s2.at[l] = c, s3.at[l] = d;
    return result;
}

// Where each node's packets go in this epoch: 0 itself, 1 its left, 2 its right neighbour; ties at random.
static void choose(const uint8_t *__restrict queue, uint8_t *__restrict choice, int n) {
    for (int i = 0; i < n; ++i) {
        const uint8_t *own = queue + size_t(i) * L, *left = queue + size_t(i ? i - 1 : n - 1) * L;
        const uint8_t *right = queue + size_t(i + 1 < n ? i + 1 : 0) * L;
#pragma GCC ivdep
        for (int l = 0; l < L; ++l) {
            const int a = own[l], b = left[l], c = right[l], least = std::min(a, std::min(b, c));
            const int first = a == least, second = b == least, third = c == least;
            const int pick = int(((word(l) >> 8) * uint32_t(first + second + third)) >> 24);
            choice[size_t(i) * L + l] = uint8_t((pick >= first) + (pick >= first + second));
        }
    }
}

static void epoch(uint8_t *__restrict queue, const uint8_t *__restrict choice, const int32_t *__restrict regime,
                  int32_t *__restrict drops, const uint32_t *__restrict keep, const uint32_t *__restrict outcomes, int n) {
    for (int i = 0; i < n; ++i) {
        uint8_t *own = queue + size_t(i) * L;
        const uint8_t *mine = choice + size_t(i) * L, *left = choice + size_t(i ? i - 1 : n - 1) * L;
        const uint8_t *right = choice + size_t(i + 1 < n ? i + 1 : 0) * L;
#pragma GCC ivdep
        for (int l = 0; l < L; ++l) {
            const int count = (mine[l] == 0) + (left[l] == 2) + (right[l] == 1);  // own queue: every choice is 0
            const uint32_t bits = word(l);
            const int32_t at = ((regime[l] * 4 + count) * S + own[l]) * K + int32_t(bits >> 23);
            const uint32_t pair = outcomes[at];
            // The 23 bits below the column, held against as many of the threshold.
            const int32_t outcome = int32_t((bits & 0x7FFFFF) < keep[at] ? pair & 0xFFFF : pair >> 16);
            const int32_t lost = (outcome * 10923) >> 16;  // outcome / 6 for outcome < 32768
            drops[l] += lost;
            own[l] = uint8_t(outcome - lost * S);
        }
    }
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    const int n = std::atoi(argv[1]), groups = (std::atoi(argv[2]) + L - 1) / L, epochs = std::atoi(argv[3]);
    const double delay = std::atof(argv[4]);
    Generator generator(std::strtoull(argv[5], nullptr, 10));
    const bool jsq = std::atoi(argv[6]) == 1;
    const double rate[2] = {0.9, 0.6}, leave[2] = {0.2, 0.5};
    const std::vector<Cell> table = tables(rate, delay);
    std::vector<uint32_t> keep(table.size()), outcomes(table.size());
    for (size_t k = 0; k < table.size(); ++k) {
        keep[k] = (table[k].keep >> 9) + (table[k].keep == UINT32_MAX);
        outcomes[k] = uint32_t(table[k].alias) << 16 | table[k].own;
    }
    std::vector<uint8_t> queue(size_t(n) * L), choice(size_t(n) * L);
    double sum = 0.0, squares = 0.0;
    const std::clock_t clock = std::clock();
    for (int g = 0; g < groups; ++g) {
        std::fill(queue.begin(), queue.end(), 0);
        alignas(64) int32_t regime[L], drops[L] = {};
        for (int l = 0; l < L; ++l) {
            const uint64_t a = generator(), b = generator();
            s0.at[l] = uint32_t(a), s1.at[l] = uint32_t(a >> 32), s2.at[l] = uint32_t(b), s3.at[l] = uint32_t(b >> 32) | 1;
            regime[l] = generator.uniform() < 0.5 ? 0 : 1;
        }
        for (int e = 0; e < epochs; ++e) {
            if (jsq) choose(queue.data(), choice.data(), n);
            epoch(queue.data(), choice.data(), regime, drops, keep.data(), outcomes.data(), n);
            for (int l = 0; l < L; ++l)
                if (generator.uniform() < leave[regime[l]]) regime[l] = 1 - regime[l];
        }
        for (int l = 0; l < L; ++l) {
            const double mean = double(drops[l]) / n;
            sum += mean, squares += mean * mean;
        }
    }
    const double seconds = double(std::clock() - clock) / CLOCKS_PER_SEC, count = double(groups) * L;
    const double mean = sum / count, variance = (squares - sum * mean) / (count - 1);
    const double work = double(n) * epochs * count;
    std::printf("{\"work\": %.0f, \"events\": %.0f, \"seconds\": %.6f, \"answers\": {\"drops_per_node\": [%.8f, %.8f]}}\n",
                work, work, seconds, mean, std::sqrt(variance / count));
}
