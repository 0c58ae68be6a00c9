// The cycle of N queues by Gillespie's direct method, single thread, tuned: an exponential holding time for every
// event (ziggurat), the event chosen with a single uniform among arrivals and busy servers, so that there are
// no null events; busy servers in an array that they enter and leave in O(1); xoshiro256++.
// usage: balancing_gillespie N replications epochs delay seed policy(0 own, 1 jsq, 2 random, 3 jsq with ties split packet by packet)
// prints one JSON object: queue-epochs of work, events, CPU seconds, drops per queue with standard error
// Source: Gillespie (1977); ziggurat for the exponential: Marsaglia, Tsang (2000).
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <vector>
#include "xoshiro.hpp"

static Generator generator(0);
static inline uint64_t next() { return generator(); }
static inline double uniform() { return generator.uniform(); }

// Ziggurat with 256 layers of equal area: layer i is [0, edge[i]] x [density[i], density[i + 1]].
static double edge[257], density[257], width[256];
static uint64_t inside[256];
constexpr double TAIL = 7.69711747013104972, AREA = 3.949659822581572e-3;
static void ziggurat() {
    edge[0] = AREA / std::exp(-TAIL);
    edge[1] = TAIL;
    for (int i = 2; i < 256; ++i) edge[i] = -std::log(AREA / edge[i - 1] + std::exp(-edge[i - 1]));
    edge[256] = 0.0;
    for (int i = 0; i <= 256; ++i) density[i] = std::exp(-edge[i]);
    for (int i = 0; i < 256; ++i) {
        width[i] = edge[i] * 0x1.0p-53;
        inside[i] = static_cast<uint64_t>(edge[i + 1] / edge[i] * 0x1.0p53);
    }
}
static double exponential_rest(int layer, uint64_t u);
static inline double exponential() {
    const uint64_t word = next();
    const int layer = static_cast<int>(word & 255);
    const uint64_t u = word >> 11;
    if (__builtin_expect(u < inside[layer], 1)) return u * width[layer];
    return exponential_rest(layer, u);
}
__attribute__((noinline)) static double exponential_rest(int layer, uint64_t u) {
    if (layer == 0) return TAIL - std::log(1.0 - uniform());
    const double x = u * width[layer];
    if (density[layer] + uniform() * (density[layer + 1] - density[layer]) < std::exp(-x)) return x;
    return exponential();
}

int main(int argc, char **argv) {
    if (argc < 7) return 2;
    const int n = std::atoi(argv[1]), replications = std::atoi(argv[2]), epochs = std::atoi(argv[3]);
    const double delay = std::atof(argv[4]);
    generator = Generator(std::strtoull(argv[5], nullptr, 10));
    const int policy = std::atoi(argv[6]);
    const bool jsq = policy == 1 || policy == 3, packet = policy >= 2;  // packet: a choice for every arrival
    ziggurat();
    const double rate[2] = {0.9, 0.6}, leave[2] = {0.2, 0.5};
    std::vector<uint8_t> queue(n);
    std::vector<uint16_t> target(n), busy(n);  // n below 65536 keeps all of it in the first cache
    std::vector<uint16_t> choices(packet ? 3 * n : 0);
    std::vector<uint8_t> numbers(packet ? n : 0);
    if (n > 65535) return 2;
    double sum = 0.0, squares = 0.0, events = 0.0;
    const std::clock_t clock = std::clock();
    for (int r = 0; r < replications; ++r) {
        std::fill(queue.begin(), queue.end(), 0);
        int regime = uniform() < 0.5 ? 0 : 1, working = 0;
        long drops = 0, count = 0;
        for (int e = 0; e < epochs; ++e) {
            for (int i = 0; i < n; ++i) {
                target[i] = static_cast<uint16_t>(i);
                if (!jsq && !packet) continue;
                const int around[3] = {i, i ? i - 1 : n - 1, i + 1 < n ? i + 1 : 0};
                const int least = std::min({queue[around[0]], queue[around[1]], queue[around[2]]});
                int ties[3], number = 0;
                for (int p : around)
                    if (!jsq || queue[p] == least) ties[number++] = p;
                if (packet) {
                    std::copy_n(ties, number, &choices[3 * i]);
                    numbers[i] = static_cast<uint8_t>(number);
                    continue;
                }
                target[i] = static_cast<uint16_t>(
                    ties[number == 1 ? 0 : static_cast<int>((next() >> 32) * number >> 32)]);
            }
            const double lambda = rate[regime], arrivals = n * lambda, per_node = 1.0 / lambda;
            double left = delay;
            for (;;) {
                const double total = arrivals + working;
                left -= exponential() / total;
                if (left < 0.0) break;  // memoryless: the next epoch draws its first waiting time anew
                ++count;
                const double u = uniform() * total;
                if (u < arrivals) {
                    const int from = std::min(n - 1, static_cast<int>(u * per_node));
                    const int i = packet ? choices[3 * from + ((next() >> 32) * numbers[from] >> 32)] : target[from];
                    const uint8_t q = queue[i];
                    if (q == 5) { ++drops; continue; }
                    queue[i] = q + 1;
                    if (q == 0) busy[working++] = static_cast<uint16_t>(i);
                } else {
                    const int k = std::min(working - 1, static_cast<int>(u - arrivals));
                    if (--queue[busy[k]] == 0) busy[k] = busy[--working];
                }
            }
            if (uniform() < leave[regime]) regime = 1 - regime;
        }
        events += count;
        const double mean = static_cast<double>(drops) / n;
        sum += mean;
        squares += mean * mean;
    }
    const double seconds = static_cast<double>(std::clock() - clock) / CLOCKS_PER_SEC;
    const double mean = sum / replications;
    const double variance = (squares - sum * mean) / std::max(1, replications - 1);
    const double work = static_cast<double>(n) * epochs * replications;
    std::printf("{\"work\": %.0f, \"events\": %.0f, \"seconds\": %.6f, \"answers\": {\"drops_per_node\": [%.8f, %.8f]}}\n",
                work, events, seconds, mean, std::sqrt(variance / replications));
}
